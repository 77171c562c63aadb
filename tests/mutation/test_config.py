"""Damaged configs: as the training command's parser reads them, and as Lightning makes its Trainer from them."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mnist_mlp.training.cli import TrainCLI
from mnist_mlp.training.quiet import silence_lightning
from tests.mutation.conftest import SEED
from tests.mutation.judge import judge
from tests.mutation.mutate import VALUES, mutated_bytes, mutated_values

LAUGHS = "a0: &a0 [1, 2]\n" + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(12))


def written(settings: object) -> str:
    try:
        return yaml.safe_dump(settings, allow_unicode=True)
    except RecursionError:  # nested too deeply for PyYAML
        return json.dumps(settings)


def mutated(rng: random.Random, count: int, settings: dict[str, object]) -> Iterator[bytes]:
    """Yield configs: bytes, values, nesting, anchors and encodings changed."""
    yield (LAUGHS + "model: {hidden_sizes: *a12}\n").encode()
    yield b"model: " + b"[" * 100_000
    yield b"model: &a {hidden_sizes: *a}"
    yield b"model: {bias: !!python/object/apply:os.mkdir [made]}"
    yield b"model: &m {bias: true}\ndata:\n  <<: *m\n"
    yield b""
    for _ in range(count):
        kind = rng.random()
        if kind < 0.3:
            yield mutated_bytes(rng, yaml.safe_dump(settings).encode())
            continue
        text = written(mutated_values(rng, settings))
        if kind > 0.95:
            text += rng.choice([LAUGHS, "model: *nowhere\n", "model: !!set {a, b}\n", "data: 2001-01-01\n", "\t\n"])
        encoding = rng.choice(["utf-16", "utf-16-be", "latin-1", "utf-8-sig"]) if kind > 0.85 else "utf-8"
        yield text.encode(encoding, errors="replace")


def test_mutated_configs(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    cli = TrainCLI([])
    settings = yaml.safe_load(cli.parser.dump(cli.config))
    settings["trainer"]["callbacks"] = [
        {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"monitor": "val/cost"}}
    ]

    def read(content: bytes) -> None:
        path.write_bytes(content)
        config = cli.parser.parse_args(["--config", str(path)])
        assert vars(config.model).keys() == vars(cli.config.model).keys()
        assert isinstance(config.trainer.log_every_n_steps, (int, type(None)))

    report = judge(mutated(random.Random(f"{SEED} yaml"), count, settings), read)
    print("yaml", report)
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


CALLBACKS: dict[str, dict[str, object]] = {
    "EarlyStopping": {"monitor": "val/cost", "patience": 3, "mode": "min"},
    "ModelCheckpoint": {"save_top_k": 1, "monitor": "val/cost", "every_n_epochs": 1},
    "Timer": {"duration": "00:01:00:00"},
    "LearningRateMonitor": {"logging_interval": "step"},
    "StochasticWeightAveraging": {"swa_lrs": 0.1},
    "GradientAccumulationScheduler": {"scheduling": {0: 2}},
    "ModelPruning": {"pruning_fn": "l1_unstructured", "amount": 0.5},
    "BatchSizeFinder": {"mode": "power"},
}
TRAINER: dict[str, object] = {
    "profiler": "simple",
    "precision": "32-true",
    "strategy": "auto",
    "max_time": "00:01:00:00",
    "limit_train_batches": 0.5,
    "gradient_clip_val": 0.5,
    "overfit_batches": 0.0,
    "val_check_interval": 10,
    "max_steps": 100,
    "num_nodes": 1,
    "devices": 1,
    "deterministic": True,
}
WORDS = ["auto", "simple", "pytorch", "16-mixed", "bf16-true", "64-true", "ddp", "fsdp", "xla", "norm", "1:2:3"]


@pytest.mark.filterwarnings("ignore:Exception ignored in.*Profiler.__del__")  # Lightning's, without torch_xla
def test_mutated_trainer_options(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, types and values that the parser may take, and Lightning may not."""
    monkeypatch.chdir(tmp_path)
    silence_lightning()
    rng, path = random.Random(f"{SEED} trainer"), tmp_path / "config.yaml"

    def inputs() -> Iterator[str]:
        for _ in range(count // 3):
            name, settings = rng.choice(list(CALLBACKS.items()))
            callback = {"class_path": f"lightning.pytorch.callbacks.{name}", "init_args": settings}
            if rng.random() < 0.5:
                trainer = mutated_values(rng, {"callbacks": [callback]})
            else:
                name = rng.choice(list(TRAINER))
                trainer = {name: rng.choice([*(make() for make in VALUES), *WORDS]), "callbacks": [callback]}
            yield written({"trainer": trainer})

    def read(content: str) -> None:
        path.write_text(content)
        TrainCLI(["--config", str(path)])

    report = judge(inputs(), read)
    print("Trainer", report)
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0
