"""The logger that draws the cost curve in TensorBoard."""

import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
from lightning.pytorch.core.saving import save_hparams_to_yaml
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from typing_extensions import override

from mnist_mlp.files import replacing
from mnist_mlp.monitoring.graph import has_named_layers, named_layers

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

# TensorBoard sorts tags by name, digits first. The numbers put the cost curve before everything else.
BY_EPOCH, BY_UPDATE = "1 by epoch", "2 by weight update"
TITLES = {
    "cost": "1 average cost",
    "accuracy": "2 accuracy",
    "mini_batch_cost": "cost of a mini-batch",
    "learning_rate": "learning rate",
    "examples_per_second": "examples per second",
    "predicted_classes": "predicted classes",
}
# TensorBoard's address for the cost curve over epochs alone, as it was measured. The filter is a regular expression.
COST_CURVE_URL = "http://localhost:6006/?tagFilter=epoch.*cost&smoothing=0"

FOLDERS = {"train": "train", "update": "train", "val": "validation"}
ONLY_BY_EPOCH = ("learning_rate", "examples_per_second")  # of the metrics that come once per epoch
NOT_WRITTEN = ("epoch", "test/cost", "test/accuracy", "test/predicted_classes")  # `log_outcome` writes the test's
WRITER_OPTIONS = ("purge_step", "max_queue", "flush_secs", "filename_suffix")  # of torch's SummaryWriter


class CostCurveLogger(TensorBoardLogger):
    """Log training and validation so that TensorBoard shows both on one chart, over epochs and over weight updates.

    TensorBoard puts scalars on one chart if they have the same name in several folders. So each split has its own
    subfolder of the run (`train`, `validation`), and the names are the same in both:

    - 1 by epoch/...: the x-axis ("step") is the number of completed epochs;
    - 2 by weight update/...: the x-axis is the number of weight updates.

    TensorBoard shows the average cost over epochs first, then the accuracy, then the other metrics.

    Metrics of other callbacks keep their name. They are in the folder of the run, over weight updates. TensorBoard
    shows them after the cost curve; only names that start with a digit, "_" or "/" may come before it.

    Each run has its own folder, `save_dir`/lightning_logs/version_N. Runs that start at the same time never share one.

    Args:
        save_dir: the folder of all runs.
        version: the run's N, or the name of its folder. None takes the next free N.
        kwargs: other arguments of TensorBoardLogger, such as `log_graph`, and of SummaryWriter, such as `flush_secs`.
            With `purge_step`, TensorBoard hides what an earlier process wrote for this step and later ones.
    """

    def __init__(self, save_dir: str, version: int | str | None = None, **kwargs: Any) -> None:
        super().__init__(save_dir, version=version, default_hp_metric=False, **kwargs)
        self._run_version = version
        self._draws_graph = bool(kwargs.get("log_graph"))
        self._graph_written = False
        self._writer_options = {name: kwargs[name] for name in WRITER_OPTIONS if name in kwargs}
        self._writers: dict[str, SummaryWriter] = {}

    @property
    @override
    def version(self) -> int | str:
        """The run's N, or the name of its folder. The first access claims the next free N, unless one was given."""
        # Not claimed in __init__: a run that raises InputError before it logs must leave no folder.
        if self._run_version is None:
            self._run_version = _claim_version(Path(self.root_dir))
        return self._run_version

    @override
    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write the metrics as scalars.

        Args:
            metrics: "train/..." and "val/..." come once per epoch, "update/..." once every few weight updates. "epoch"
                is the number of the current epoch, from 0 on. Other names are those of other callbacks.
            step: the number of the last weight update, from 0 on.
        """
        epochs, updates = int(metrics.get("epoch", 0)) + 1, (step or 0) + 1
        for key, value in metrics.items():
            split, _, name = key.partition("/")
            if split not in FOLDERS:
                if key not in NOT_WRITTEN:
                    self.experiment.add_scalar(key, float(value), updates)
                continue
            writer, title = self._writer(FOLDERS[split]), TITLES.get(name, name)
            if split != "update":
                writer.add_scalar(f"{BY_EPOCH}/{title}", float(value), epochs)
            if split == "update" or name not in ONLY_BY_EPOCH:
                writer.add_scalar(f"{BY_UPDATE}/{title}", float(value), updates)

    @rank_zero_only
    def log_outcome(self, settings: Mapping[str, Any], outcome: Mapping[str, float]) -> None:
        """Write the run's row of the HPARAMS tab: its settings and the final metrics of the test split."""
        for name, value in outcome.items():
            self.experiment.add_scalar(name, value, 0)
        self.log_hyperparams(dict(settings), dict(outcome))

    @override
    @rank_zero_only
    def log_hyperparams(  # type: ignore[override]
        self, params: Mapping[str, Any], metrics: dict[str, Any] | None = None, step: int | None = None
    ) -> None:
        """Write settings for the HPARAMS tab and for hparams.yaml, which `yaml.safe_load` can read."""
        super().log_hyperparams(_plain(params), metrics, step)

    @override
    @rank_zero_only
    def log_graph(self, model: L.LightningModule, input_array: Tensor | None = None) -> None:  # type: ignore[override]
        """Write the net for the GRAPHS tab, once. Lightning calls this before training and before the test."""
        if self._graph_written:
            return
        self._graph_written = self._draws_graph
        with warnings.catch_warnings():
            # torch's tracer, which SummaryWriter calls, warns that it will be removed.
            warnings.simplefilter("ignore", category=FutureWarning)
            example = model.example_input_array if input_array is None else input_array
            if isinstance(example, Tensor):
                example = example.to(next(model.parameters()))  # device and dtype, such as float64
            if self._draws_graph and isinstance(example, Tensor) and has_named_layers(model):
                self.experiment.add_graph(named_layers(model), example)
            else:
                super().log_graph(model, example)  # type: ignore[arg-type]

    @override
    @rank_zero_only
    def save(self) -> None:
        """Write the event files, and hparams.yaml atomically unless it is there."""
        path = Path(self.log_dir, self.NAME_HPARAMS_FILE)
        if path.parent.is_dir() and not path.is_file():
            with replacing(path) as part:
                save_hparams_to_yaml(part, self.hparams)
        super().save()

    @override
    def finalize(self, status: str) -> None:
        """Write everything that is still in memory."""
        for writer in self._writers.values():
            writer.flush()
        super().finalize(status)

    def _writer(self, folder: str) -> "SummaryWriter":
        if folder not in self._writers:
            from torch.utils.tensorboard import SummaryWriter

            self._writers[folder] = SummaryWriter(os.path.join(self.log_dir, folder), **self._writer_options)
        return self._writers[folder]


def _plain(value: Any) -> Any:
    """Return the value with lists in place of tuples and dicts in place of other mappings, for YAML."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _claim_version(root: Path) -> int:
    """Claim the next free `root`/version_N by making the folder, which only one of several processes can do.

    Only rank 0 makes folders. The other ranks return the N that rank 0 would claim.
    """
    numbers = [path.name.split("_")[1] for path in root.glob("version_*") if path.is_dir()]
    version = 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)
    if rank_zero_only.rank != 0:  # type: ignore[attr-defined]
        return version
    root.mkdir(parents=True, exist_ok=True)
    while True:
        with suppress(FileExistsError):  # another run may have claimed it since the folders were listed
            (root / f"version_{version}").mkdir()
            return version
        version += 1
