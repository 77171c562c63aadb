"""Callbacks that send a real signal to their own process, at a moment that does not depend on its speed.

They send nothing where the environment has SIGNALS=off, for the resumed run.
"""

import os
import signal
from typing import Any

import lightning as L


class _Sender(L.Callback):
    counts_blocks = True  # the closed form keeps its blocks

    def __init__(self, name: str) -> None:
        self.number = signal.Signals[name]

    def send(self) -> None:
        if os.environ.get("SIGNALS") != "off":
            os.kill(os.getpid(), self.number)


class InTraining(_Sender):
    """Sends in a step of the second epoch, before its weight updates.

    Args:
        name: the signal.
        step: the number of the step, counted from 0.
    """

    def __init__(self, name: str, step: int = 0) -> None:
        super().__init__(name)
        self.step = step

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, step: int) -> None:
        if trainer.current_epoch == 1 and step == self.step:
            self.send()


class AfterLastStep(_Sender):
    """Sends when Lightning has looked for the last time whether to stop."""

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.send()


class InTest(_Sender):
    """Sends in the first batch of the test."""

    def on_test_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if batch_idx == 0:
            self.send()
