"""What a run reports: a headline at its start, a summary and its outcome as JSON and in TensorBoard at its end."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

import lightning as L

from mnist_mlp.fast.eligibility import unsupported_reason
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.files import write_atomically
from mnist_mlp.inference.checkpoint import read_checkpoint
from mnist_mlp.monitoring.cost_curve import COST_CURVE_URL, CostCurveLogger
from mnist_mlp.training.cli import TrainCLI

OUTCOME_FILE = "outcome.json"


def log_outcome(cli: TrainCLI, trainer: L.Trainer) -> None:
    """Log the settings and the test metrics for TensorBoard's HPARAMS tab.

    Settings that differ from the defaults come first, then the hidden layers, the epochs and the seed.
    """
    if not isinstance(trainer.logger, CostCurveLogger):
        return
    outcome = {name: float(trainer.callback_metrics[name]) for name in ("test/cost", "test/accuracy")}
    settings, defaults = _settings(cli.config), _settings(cli.parser.get_defaults())
    names = sorted(settings, key=lambda name: settings[name] == defaults.get(name))
    trainer.logger.log_outcome({name: settings[name] for name in names}, outcome)
    trainer.logger.finalize("success")


def _settings(config: Any) -> dict[str, Any]:
    """The settings in a parsed config, by name."""
    model, data = config.model.as_dict(), config.data.as_dict()
    first = {"hidden_sizes": model["hidden_sizes"], "max_epochs": config.trainer.max_epochs}
    settings = {**first, "seed": config.seed_everything, **model, **data}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


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
        "checkpoint": _relative(checkpoint, folder),
    }
    write_atomically(Path(folder) / OUTCOME_FILE, json.dumps(outcome, indent=2).encode() + b"\n")


def _relative(path: str, start: str | Path = os.curdir) -> str:
    """The path as seen from `start`. On Windows it may be on another drive; then it is absolute."""
    try:
        return os.path.relpath(path, start)
    except ValueError:
        return os.path.abspath(path)


def headline(cli: TrainCLI) -> str:
    """One line on the net, the data and the run, printed before training."""
    model, data, trainer = cli.model, cli.datamodule, cli.trainer
    net = "-".join(str(n) for n in (784, *model.hparams["hidden_sizes"], 10))
    weights = sum(p.numel() for p in model.parameters())
    n = len(data.train_indices)
    return (
        f"net {net}, {weights:,} weights and biases; {n:,} training images in mini-batches of {data.batch_size:,}; "
        f"{_length(trainer)} on {trainer.strategy.root_device}, seed {cli.config.seed_everything}; "
        f"gradient {_engine(model, trainer)}"
    )


def _engine(model: FastSigmoidMLP, trainer: L.Trainer) -> str:
    """How the gradient is computed and, if `auto` does not take the closed form, why."""
    engine = model.hparams["engine"]
    reason = unsupported_reason(model, FastSigmoidMLP, trainer) if engine == "auto" else None
    if reason is not None:
        return f"by autograd, because {reason}"
    return "by autograd" if engine == "autograd" else "in closed form"


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
        lines.append(f"checkpoint {_relative(checkpoint)}")
    if isinstance(trainer.logger, CostCurveLogger):
        lines.append(f"cost curve: tensorboard --logdir {shlex.quote(_relative(trainer.logger.root_dir))}")
        lines.append(f"then open {COST_CURVE_URL}")
    return "\n".join(lines)
