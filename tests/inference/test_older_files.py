"""Files that version 0.1 wrote are still read: a net is loaded and evaluated, and a run is resumed.

Commit 92d7d1f wrote the files in older/, with torch 2.14.1 on the CPU:

    OPTIONS="--data.val_size 58000 --data.batch_size 16 --model.hidden_sizes [4] --model.learning_rate 5
        --model.lr_schedule constant --model.lr_warmup_epochs 0.5
        --trainer.max_epochs 2 --trainer.accelerator cpu --pictures false"
    python -m mnist_mlp.train $OPTIONS --trainer.default_root_dir whole
    python -m mnist_mlp.export --ckpt whole/lightning_logs/version_0/checkpoints/last.ckpt --out net.safetensors
    python -m mnist_mlp.train $OPTIONS --trainer.default_root_dir part --trainer.max_steps 160

net.safetensors is the net of the last epoch, after 250 weight updates. last.ckpt is that of the second run, which was
stopped after 160 updates, in its second and last epoch. Both runs used the closed form. With η = 5 rounding errors stay
as small as they are, so both engines end with the same net; with η = 20 they would grow to the size of the weights.
"""

import re
from pathlib import Path

import pytest
import torch

from mnist_mlp.data.dataset import Examples
from mnist_mlp.evaluate import evaluate
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.inference.load import load_net
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.train import train

OLDER = Path(__file__).parent / "older"
NET, CHECKPOINT = OLDER / "net.safetensors", OLDER / "last.ckpt"
OPTIONS = [
    *["--data.val_size", "58000", "--data.batch_size", "16"],
    *["--model.hidden_sizes", "[4]", "--model.learning_rate", "5"],
    *["--model.lr_schedule", "constant", "--model.lr_warmup_epochs", "0.5"],
    *["--trainer.max_epochs", "2", "--trainer.accelerator", "cpu", "--pictures", "false"],
]

pytestmark = pytest.mark.usefixtures("read_once")


@pytest.mark.parametrize("path", [NET, CHECKPOINT], ids=lambda path: path.name)
def test_an_older_net_is_loaded_and_predicts(path: Path, mnist: tuple[Examples, Examples]) -> None:
    trained = load_net(path)
    activations = trained.activations(mnist[1].images)
    assert activations.shape == (10_000, 10)
    assert activations.isfinite().all()
    assert trained.model["hidden_sizes"] == [4]
    assert trained.model["learning_rate"] == 5
    assert trained.data is not None
    assert trained.data["val_size"] == 58_000
    assert trained.training_data().hparams["batch_size"] == 16


def test_both_older_files_have_the_same_preprocessing() -> None:
    assert load_net(NET).preprocessing == load_net(CHECKPOINT).preprocessing


def test_an_older_net_has_the_metrics_of_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Version 0.1 printed 46.45% and 0.07322. Rounding may change the last digit."""
    evaluate(["--ckpt", str(NET), "--split", "test"])
    line = capsys.readouterr().out.splitlines()[0]
    found = re.fullmatch(r"test split, 10,000 images: accuracy ([\d.]+)%, average cost ([\d.]+)", line)
    assert found is not None, line
    assert float(found[1]) == pytest.approx(46.45, abs=0.021)
    assert float(found[2]) == pytest.approx(0.07322, abs=0.000011)


@pytest.mark.parametrize("kind", [SigmoidMLP, FastSigmoidMLP])
def test_lightning_loads_an_older_checkpoint(kind: type[SigmoidMLP], mnist: tuple[Examples, Examples]) -> None:
    """`load_from_checkpoint` gives the net that `load_net` gives. SigmoidMLP ignores the settings it does not have."""
    trained, images = load_net(CHECKPOINT), mnist[1].images[:100]
    net = kind.load_from_checkpoint(CHECKPOINT, map_location="cpu").eval()
    assert type(net) is kind
    with torch.no_grad():
        assert torch.equal(net(trained.preprocessing(images)), trained.activations(images))


@pytest.mark.parametrize("engine", ["auto", "closed_form", "autograd"])
def test_an_older_run_is_resumed(engine: EngineName, tmp_path: Path) -> None:
    """The other 90 updates follow, and the run ends with the net of the run that was not stopped."""
    folder = ["--trainer.default_root_dir", str(tmp_path)]
    trainer = train([*OPTIONS, *folder, "--ckpt_path", str(CHECKPOINT), "--model.engine", engine])
    assert trainer.global_step == 250
    resumed = load_net(tmp_path / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt")
    assert resumed.preprocessing == load_net(NET).preprocessing
    torch.testing.assert_close(resumed.net.state_dict(), load_net(NET).net.state_dict(), rtol=1e-3, atol=1e-4)
