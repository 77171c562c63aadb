"""What a run says of itself, and that this is enough to repeat it."""

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.data.dataset import cache_dir
from mnist_mlp.training.record import PACKAGES
from tests.command import SMALL, run_train

RUN = Path("lightning_logs/version_0")


def weights(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / RUN / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return state


def test_a_run_can_be_repeated_to_the_bit_from_its_record(tmp_path: Path) -> None:
    """record.json and the TEXT tab hold command, versions, commit, data and machine; config.yaml repeats the run."""
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
    options = [*SMALL, "--seed_everything", "7", "--data.rotation", "5"]
    assert run_train(tmp_path / "first", *options).returncode == 0
    (entry,) = json.loads((tmp_path / "first" / RUN / "record.json").read_text())
    assert entry["command"].startswith("python -m mnist_mlp.train --data.val_size 58000")
    assert entry["command"].endswith("--seed_everything 7 --data.rotation 5")
    assert set(entry["versions"]) == {"python", *PACKAGES}
    assert entry["versions"]["python"] == platform.python_version()
    images = (cache_dir() / "MNIST" / "raw" / "t10k-images-idx3-ubyte").read_bytes()[16:]
    assert entry["data"]["test images"] == hashlib.sha256(images).hexdigest()
    assert entry["machine"]["instructions"] == torch.backends.cpu.get_cpu_capability()

    events = EventAccumulator(str(tmp_path / "first" / RUN))
    events.Reload()
    (tag,) = [tag for tag in events.Tags()["tensors"] if tag.startswith("run/")]
    text = events.Tensors(tag)[0].tensor_proto.string_val[0].decode()
    assert "seed_everything: 7" in text
    assert entry["data"]["test images"] in text

    config = tmp_path / "first" / RUN / "config.yaml"
    assert run_train(tmp_path / "again", "--config", str(config)).returncode == 0
    first, again = weights(tmp_path / "first"), weights(tmp_path / "again")
    assert first.keys() == again.keys()
    assert all(first[name].equal(again[name]) for name in first)


def test_a_resumed_run_adds_an_entry(tmp_path: Path) -> None:
    assert run_train(tmp_path, *SMALL, "--trainer.max_epochs", "1").returncode == 0
    result = run_train(tmp_path, "--ckpt_path", str(RUN / "checkpoints" / "last.ckpt"), "--trainer.max_epochs", "2")
    assert result.returncode == 0, result.stderr
    entries = json.loads((tmp_path / RUN / "record.json").read_text())
    assert [entry["starts_at_update"] for entry in entries] == [0, 125]
