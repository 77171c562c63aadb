"""Figure 3, figures/answers.py."""

from pathlib import Path

import torch
import yaml

from mnist_mlp.figures.answers import compute_outputs
from mnist_mlp.figures.example import Example
from mnist_mlp.inference.trained import Trained
from mnist_mlp.training.cli import TrainCLI


def test_the_runs_seed_gives_the_runs_initial_net(small_net: Trained, small_run: Path, example: Example) -> None:
    """The same initial net as that of the training command with the run's config."""
    config = small_run.parent.parent / "config.yaml"
    initial = TrainCLI(["--config", str(config), "--trainer.logger", "false"]).model.eval()
    seed = yaml.safe_load(config.read_text())["seed_everything"]
    outputs = compute_outputs(small_net, example, seed)
    with torch.no_grad():
        assert torch.equal(outputs.untrained, initial(small_net.preprocessing(example.image[None]))[0])
    assert torch.equal(outputs.trained, small_net.activations(example.image[None])[0])
    assert not torch.equal(compute_outputs(small_net, example, seed + 1).untrained, outputs.untrained)
