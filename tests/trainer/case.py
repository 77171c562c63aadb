"""A case of the Trainer: its arguments and what must happen; and what is noted in a run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import lightning as L
import torch

from tests.fast.runs import InMemory

Outcome = Literal["closed form", "autograd", "refused"]


class Ran(NamedTuple):
    """A run after `Trainer.fit`.

    net: the trained net, ours or the plain one.
    data: its data module.
    trainer: its Trainer.
    logger: what was logged.
    seen: what happened during the run.
    folder: the run's folder.
    printed: what stdout, stderr and Lightning's log got.
    """

    net: L.LightningModule
    data: L.LightningDataModule
    trainer: L.Trainer
    logger: "Recording"
    seen: "Seen"
    folder: Path
    printed: str

    @property
    def updates(self) -> int:
        return self.trainer.global_step

    def callback(self, kind: type[Any]) -> Any:
        """The run's callback of a class."""
        return next(one for one in self.trainer.callbacks if isinstance(one, kind))  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Case:
    """An argument of the Trainer or a callback, with a value, and what must happen.

    value: the value, as the table in fast/README.md shows it.
    outcome: what trains it, or that it is refused.
    arguments: the Trainer's arguments, for a folder that the run may write to.
    check: asserts the documented effect on either run.
    prepare: called with either net before training.
    net: settings of the net that differ.
    data: settings of the plain data module that differ.
    tolerance: the distance from the plain net's weights, as a share of what training changed; None for rounding.
    refusal: a regular expression for the sentence that refuses it.
    needs: a package that the case needs. Without it, Lightning's own sentence is expected, which names the package.
    """

    value: str
    outcome: Outcome
    arguments: Callable[[Path], dict[str, Any]] = lambda folder: {}
    check: Callable[[Ran], None] = lambda ran: None
    prepare: Callable[[Any], object] = lambda net: None
    net: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    tolerance: float | None = None
    refusal: str = "."
    needs: str | None = None


class Recording(InMemory):
    """A logger that keeps the hyperparameters, too."""

    def __init__(self) -> None:
        super().__init__()
        self.hyperparameters: dict[str, Any] = {}

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self.hyperparameters.update(params)


class Seen(L.Callback):
    """Notes what happens in a run. It declares that it only looks on.

    Attributes:
        epochs: the number of each epoch that began.
        validations: the number of weight updates before each validation.
        batches: the number of batches of each kind, without those of training.
        loads: how often the training loader was made.
        modes: PyTorch's modes.
    """

    counts_blocks = True

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.validations: list[int] = []
        self.batches = {"val": 0, "sanity": 0, "test": 0, "predict": 0}
        self.loads = 0
        self.modes: dict[str, bool] = {}

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.epochs.append(trainer.current_epoch)
        self.modes["deterministic"] = torch.are_deterministic_algorithms_enabled()
        self.modes["benchmark"] = torch.backends.cudnn.benchmark
        self.modes["anomaly"] = torch.is_anomaly_enabled()

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.sanity_checking:
            self.validations.append(trainer.global_step)

    def on_validation_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        self.batches["sanity" if trainer.sanity_checking else "val"] += 1

    def on_test_batch_end(self, *_: Any) -> None:
        self.modes["inference"] = torch.is_inference_mode_enabled()
        self.batches["test"] += 1

    def on_predict_batch_end(self, *_: Any) -> None:
        self.batches["predict"] += 1
