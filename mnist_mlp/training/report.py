"""What a run reports: a headline at its start, a summary and its outcome as JSON and in TensorBoard at its end."""

import json
import os
import shlex
from pathlib import Path

import lightning as L

from mnist_mlp.files import write_atomically
from mnist_mlp.inference.load import read_checkpoint
from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from mnist_mlp.training.cli import TrainCLI

OUTCOME_FILE = "outcome.json"


def log_outcome(cli: TrainCLI, trainer: L.Trainer) -> None:
    """Log the settings and the test metrics for TensorBoard's HPARAMS tab."""
    if not isinstance(trainer.logger, CostCurveLogger):
        return
    outcome = {name: float(trainer.callback_metrics[name]) for name in ("test/cost", "test/accuracy")}
    trainer.logger.log_outcome({**cli.model.hparams, **cli.datamodule.hparams}, outcome)
    trainer.logger.finalize("success")


def write_outcome(trainer: L.Trainer, checkpoint: str | None, seconds: float, resumed_run: Path | None = None) -> None:
    """Write the final metrics as JSON to the run's folder, for programs to read. A run without a folder writes none.

    Args:
        trainer: the Trainer, after the test.
        checkpoint: the tested checkpoint.
        seconds: training time.
        resumed_run: the folder of a resumed run; None takes the one of the Trainer's logger.
    """
    folder = resumed_run or trainer.log_dir  # a collective operation: every process takes part
    if not trainer.is_global_zero or folder is None or checkpoint is None:
        return
    outcome = {
        "test_accuracy": float(trainer.callback_metrics["test/accuracy"]),
        "test_cost": float(trainer.callback_metrics["test/cost"]),
        "tested_epoch": read_checkpoint(checkpoint)["epoch"] + 1,
        "epochs": trainer.current_epoch,
        "updates": trainer.global_step,
        "seconds": round(seconds, 1),
        "checkpoint": os.path.relpath(checkpoint, folder),
    }
    write_atomically(Path(folder) / OUTCOME_FILE, json.dumps(outcome, indent=2).encode() + b"\n")


def headline(cli: TrainCLI) -> str:
    """One line on the net, the data and the run, printed before training."""
    model, data, trainer = cli.model, cli.datamodule, cli.trainer
    net = "-".join(str(n) for n in (784, *model.hparams["hidden_sizes"], 10))
    weights = sum(p.numel() for p in model.parameters())
    n = len(data.train_indices)
    return (
        f"net {net}, {weights:,} weights and biases; {n:,} training images in mini-batches of {data.batch_size:,}; "
        f"{_length(trainer)} on {trainer.strategy.root_device}, seed {cli.config.seed_everything}"
    )


def _length(trainer: L.Trainer) -> str:
    """What limits the run."""
    if trainer.max_epochs not in (None, -1):
        return f"{trainer.max_epochs} epochs"
    return f"{trainer.max_steps:,} weight updates" if trainer.max_steps != -1 else "no limit on epochs"


def summary(trainer: L.Trainer, checkpoint: str | None, seconds: float) -> str:
    """A few lines on the result, printed after the test; arguments as those of `write_outcome`."""
    accuracy, cost = (float(trainer.callback_metrics[f"test/{name}"]) for name in ("accuracy", "cost"))
    lines = [
        f"test accuracy {accuracy:.2%} (error {1 - accuracy:.2%}), average cost {cost:.5f}",
        f"trained in {seconds:.1f} s, {trainer.current_epoch} epochs, {trainer.global_step:,} weight updates",
    ]
    if checkpoint is not None:
        lines.append(f"checkpoint {os.path.relpath(checkpoint)}")
    if isinstance(trainer.logger, CostCurveLogger):
        lines.append(f"cost curve: tensorboard --logdir {shlex.quote(os.path.relpath(trainer.logger.root_dir))}")
    return "\n".join(lines)
