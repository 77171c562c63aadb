"""What watches a run: progress, speed, costs that are not numbers, nets that collapse, Ctrl-C."""

import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ProgressBar
from torch import Tensor
from tqdm import tqdm

from mnist_mlp.engine import updates_per_epoch
from mnist_mlp.errors import InputError

COLLAPSED_EPOCHS, COLLAPSED_UPDATES = 2, 100  # fewer updates may still be on the plateau where training begins
LOOK_EVERY = 50  # steps of the Trainer


class Progress(ProgressBar):
    """One line per epoch; on a terminal also a bar that counts the weight updates of the epoch."""

    counts_blocks = True

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._bar: tqdm[Any] | None = None
        self._pending: str | None = None

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """A run that is resumed within an epoch has no start of that epoch."""
        self._began = time.perf_counter()
        self._updates_before = trainer.global_step

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._print_pending(trainer)
        self.on_train_start(trainer, pl_module)
        if self._enabled and sys.stdout.isatty():
            self._bar = tqdm(
                total=int(updates_per_epoch(trainer)),
                desc=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}",
                unit=" updates",
                leave=False,
                dynamic_ncols=True,
                file=sys.stdout,
            )
            self._show_scores(trainer)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._bar is not None:
            self._bar.update(trainer.global_step - self._updates_before - self._bar.n)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._close_bar()
        # The epoch's scores are logged by the module right after this hook: the line waits for them.
        seconds = time.perf_counter() - self._began
        self._pending = f"epoch {trainer.current_epoch + 1:3}/{trainer.max_epochs}  {{scores}}  {seconds:5.1f} s"

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._print_pending(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._close_bar()
        self._print_pending(trainer)

    def _print_pending(self, trainer: L.Trainer) -> None:
        if self._pending is not None and self._enabled:
            print(self._pending.format(scores=_scores(trainer)), flush=True)
        self._pending = None

    def _show_scores(self, trainer: L.Trainer) -> None:
        if self._bar is not None and "train/cost" in trainer.callback_metrics:
            self._bar.set_postfix_str(_scores(trainer))

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _scores(trainer: L.Trainer) -> str:
    """The last known costs and accuracies, as text."""
    metrics = trainer.callback_metrics
    texts = []
    for split, title in (("train", "train"), ("val", "validation")):
        if f"{split}/cost" in metrics:
            cost, accuracy = float(metrics[f"{split}/cost"]), float(metrics[f"{split}/accuracy"])
            texts.append(f"{title} cost {cost:.5f} accuracy {accuracy:7.2%}")
    return "  ".join(texts)


class Speed(Callback):
    """Logs how many examples are trained on in a second, validation not counted."""

    counts_blocks = True

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


class CostWatch(Callback):
    """Stops a run whose cost is no longer a number, before its weights reach a checkpoint.

    The costs stay on their device and are looked at together, every 50 steps and at the
    end of an epoch, so that the accelerator need not wait after every update.
    """

    counts_blocks = True

    def __init__(self) -> None:
        self._costs: list[Tensor] = []
        self._updates_before = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._costs.clear()
        self._updates_before = trainer.global_step

    on_train_epoch_start = on_train_start

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._costs.append(outputs["loss"].detach().reshape(-1))
        if len(self._costs) >= LOOK_EVERY:
            self._look(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer)

    def _look(self, trainer: L.Trainer) -> None:
        if not self._costs:
            return
        # Over the processes, so that all of them stop; NaN plus anything is NaN.
        finite = trainer.strategy.reduce(torch.cat(self._costs), reduce_op="sum").isfinite()
        if not finite.all():
            update = self._updates_before + int(finite.logical_not().nonzero()[0]) + 1
            last = last_checkpoint(trainer)
            raise InputError(
                f"the cost was no longer a number at weight update {update} (epoch {trainer.current_epoch + 1}); "
                "give a smaller --model.learning_rate or a longer --model.lr_warmup_epochs"
                + (f"; {last} holds the end of the last good epoch." if last else ".")
            )
        self._updates_before += len(finite)
        self._costs.clear()


class CollapseWatch(Callback):
    """Warns, once, of a net that has given one constant answer to every image for whole epochs."""

    def __init__(self) -> None:
        self._epochs = 0
        self._updates_before = 0
        self._warned = False

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer)

    def _look(self, trainer: L.Trainer) -> None:
        metrics = trainer.callback_metrics
        guessed = metrics.get("val/guessed", metrics.get("train/guessed"))
        if guessed is None:
            return
        if int(guessed) == 1:
            self._epochs += 1
        else:
            self._epochs, self._updates_before = 0, trainer.global_step
        long_enough = (
            self._epochs >= COLLAPSED_EPOCHS and trainer.global_step - self._updates_before >= COLLAPSED_UPDATES
        )
        if long_enough and not self._warned and trainer.is_global_zero:
            self._warned = True
            print(
                f"mnist_mlp: warning: the net has given the same answer to every image for {self._epochs} epochs: "
                "its units are saturated and hardly learn; start again with a smaller --model.learning_rate or a "
                "longer warm-up, such as --model.lr_warmup_epochs 2.",
                file=sys.stderr,
            )


class InterruptNote(Callback):
    """Sees to it that a run can be resumed from its first moment on, and says how when it is interrupted."""

    def __init__(self, command: str) -> None:
        self.command = command

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Until an epoch is complete, last.ckpt holds the weights the run starts from."""
        if trainer.ckpt_path is None and (last := _last_path(trainer)) is not None:
            trainer.save_checkpoint(last)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if not isinstance(exception, KeyboardInterrupt) or not trainer.is_global_zero:
            return
        last = last_checkpoint(trainer)
        note = f"Interrupted in epoch {trainer.current_epoch + 1}."
        if last is None:
            note = "Interrupted before a checkpoint was written."
        else:
            note += f" {last} holds the end of the last complete epoch; go on with:\n{self.command} --ckpt_path {last}"
        print(f"\n{note}", flush=True)


def _last_path(trainer: L.Trainer) -> Path | None:
    """Where the run's last.ckpt belongs."""
    for callback in trainer.checkpoint_callbacks:
        # Its folder is known once the run is set up.
        if getattr(callback, "filename", None) == "last" and getattr(callback, "dirpath", None) is not None:
            return Path(callback.dirpath) / "last.ckpt"  # type: ignore[attr-defined]
    return None


def last_checkpoint(trainer: L.Trainer) -> Path | None:
    """The run's last.ckpt, if it is there."""
    path = _last_path(trainer)
    return path if path is not None and path.is_file() else None
