"""What a run shows of its progress: a line per epoch, a bar on a terminal, and its speed in TensorBoard."""

import sys
import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, ProgressBar
from tqdm import tqdm

from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.schedule import run_length

TITLES = {"train": "train", "val": "validation"}


class Progress(ProgressBar):
    """Prints one line per epoch. On a terminal a bar counts the weight updates of the epoch."""

    counts_blocks = True  # a step of the Trainer may be several weight updates (fast/eligibility.py)

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._bar: tqdm[Any] | None = None
        self._pending: str | None = None
        self._validated = False  # in this epoch
        self._splits: tuple[str, ...] = ("train",)  # evaluated in the last complete epoch

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock. A run that resumes within an epoch does not call `on_train_epoch_start` for it."""
        self._began = time.perf_counter()
        self._updates_before = trainer.global_step
        self._validated = False

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._print_pending(trainer)
        self.on_train_start(trainer, pl_module)
        if self._enabled and sys.stdout.isatty():
            self._bar = tqdm(
                total=_updates_per_epoch(trainer, pl_module),
                desc=f"epoch {trainer.current_epoch + 1}{_of_epochs(trainer)}",
                unit=" updates",
                leave=False,
                dynamic_ncols=True,
                file=sys.stdout,
            )
            self._show_metrics(trainer)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar is not None:
            self._bar.update(trainer.global_step - self._updates_before - self._bar.n)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._validated = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close_bar()
        self._splits = ("train", "val") if self._validated else ("train",)
        # The net logs the epoch's metrics right after this hook, so the line is printed later.
        seconds = time.perf_counter() - self._began
        self._pending = f"epoch {trainer.current_epoch + 1:3}{_of_epochs(trainer)}  {{metrics}}  {seconds:5.1f} s"

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._print_pending(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._close_bar()
        self._print_pending(trainer)

    def _print_pending(self, trainer: L.Trainer) -> None:
        if self._pending is not None and self._enabled:
            print(self._pending.format(metrics=self._metrics(trainer)), flush=True)
        self._pending = None

    def _show_metrics(self, trainer: L.Trainer) -> None:
        if self._bar is not None and "train/cost" in trainer.callback_metrics:
            self._bar.set_postfix_str(self._metrics(trainer))

    def _metrics(self, trainer: L.Trainer) -> str:
        """The costs and accuracies of the last complete epoch, as text."""
        metrics = trainer.callback_metrics
        texts = []
        for split in self._splits:
            if f"{split}/cost" in metrics:
                cost, accuracy = float(metrics[f"{split}/cost"]), float(metrics[f"{split}/accuracy"])
                texts.append(f"{TITLES[split]} cost {cost:.5f} accuracy {accuracy:7.2%}")
        return "  ".join(texts)

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _updates_per_epoch(trainer: L.Trainer, net: L.LightningModule) -> float:
    """The number of weight updates of an epoch."""
    return net.run_length()[0] if isinstance(net, FastSigmoidMLP) else run_length(trainer)[0]


def _of_epochs(trainer: L.Trainer) -> str:
    """The number of epochs after a slash, such as "/14"; empty if there is no limit."""
    return "" if trainer.max_epochs in (None, -1) else f"/{trainer.max_epochs}"


class Speed(Callback):
    """Logs the number of training examples per second, without the time of validation."""

    counts_blocks = True  # a step of the Trainer may be several weight updates (fast/eligibility.py)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._examples = 0
        self._seconds = 0.0
        self._began = time.perf_counter()

    on_train_epoch_start = on_train_start

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._examples += len(batch[1]) * trainer.world_size

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.sanity_checking and trainer.state.fn == "fit":
            self._seconds += time.perf_counter() - self._began

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._began = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._seconds += time.perf_counter() - self._began
        pl_module.log("train/examples_per_second", self._examples / max(self._seconds, 1e-9))
