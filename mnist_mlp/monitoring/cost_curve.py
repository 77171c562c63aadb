"""The cost curve in TensorBoard."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from typing_extensions import override

FOLDERS = {"train": "train", "update": "train", "val": "validation"}
ONCE_AN_EPOCH_AND_BY_EPOCH_ONLY = ("learning_rate", "examples_per_second")


class CostCurveLogger(TensorBoardLogger):
    """Puts train and validation on one chart, once over epochs and once over weight updates.

    TensorBoard draws on one chart what has the same name in several runs. So the scalars of a split go to a
    subfolder of the run that is named for it (`train`, `validation`), under the same names in both:

    - by_epoch/...: the x-axis ("step") is the number of epochs completed;
    - by_update/...: the x-axis is the number of weight updates made.

    One folder per run, `save_dir`/lightning_logs/version_N, claimed so that two runs never share one.
    """

    def __init__(self, save_dir: str, version: int | str | None = None, **kwargs: Any) -> None:
        super().__init__(save_dir, version=version, default_hp_metric=False, **kwargs)
        self._writers: dict[str, Any] = {}

    @override
    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write scalars named split/name.

        Args:
            metrics: "train/..." and "val/..." come once an epoch, "update/..." once every few updates; others
                are not the cost curve's. "epoch" is the number of the epoch they come from, from 0 on.
            step: the number of the weight update that was made last, from 0 on.
        """
        epochs, updates = int(metrics.get("epoch", 0)) + 1, (step or 0) + 1
        for key, value in metrics.items():
            split, _, name = key.partition("/")
            if split not in FOLDERS:
                continue
            writer = self._writer(FOLDERS[split])
            if split != "update":
                writer.add_scalar(f"by_epoch/{name}", float(value), epochs)
            if split == "update" or name not in ONCE_AN_EPOCH_AND_BY_EPOCH_ONLY:
                writer.add_scalar(f"by_update/{name}", float(value), updates)

    @rank_zero_only
    def log_outcome(self, settings: Mapping[str, Any], outcome: Mapping[str, float]) -> None:
        """The run's line in the HPARAMS tab: its settings and the final figures of the test split."""
        for name, value in outcome.items():
            self.experiment.add_scalar(name, value, 0)
        self.log_hyperparams(dict(settings), dict(outcome))

    @override
    @rank_zero_only
    def log_graph(self, model: L.LightningModule, input_array: Tensor | None = None) -> None:  # type: ignore[override]
        """The net for the GRAPHS tab. TensorBoard's own tracer warns that it is going to be retired."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", category=FutureWarning)
            super().log_graph(model, input_array)

    @override
    def finalize(self, status: str) -> None:
        for writer in self._writers.values():
            writer.flush()
        super().finalize(status)

    def _writer(self, folder: str) -> Any:
        if folder not in self._writers:
            from torch.utils.tensorboard import SummaryWriter

            self._writers[folder] = SummaryWriter(os.path.join(self.log_dir, folder), **self._kwargs)
        return self._writers[folder]

    @override
    def _get_next_version(self) -> int:
        """Claim the next free version_N by making its folder, which only one of several runs can."""
        while True:
            version = super()._get_next_version()
            if rank_zero_only.rank != 0:  # type: ignore[attr-defined]
                return version
            os.makedirs(self.root_dir, exist_ok=True)
            try:
                os.mkdir(os.path.join(self.root_dir, f"version_{version}"))
            except FileExistsError:
                continue
            return version
