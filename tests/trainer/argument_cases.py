"""What must happen with each argument of `Trainer`. Add a line to CASES for a new one."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins import DoublePrecision, HalfPrecision, Precision
from lightning.pytorch.profilers import SimpleProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

from tests.trainer.case import Case, Outcome, Ran
from tests.trainer.effects import (
    Check,
    at_updates,
    batches,
    both,
    changes_nothing,
    changes_weights,
    dtype,
    files,
    loads,
    logged,
    logs_settings,
    mode,
    prints,
    profiles,
    validates_at,
)
from tests.trainer.plain import FixedOrder, SharedOrder
from tests.trainer.runs import BATCH_SIZE, BATCHES, EVALUATION_BATCHES

ALL = 2 * BATCHES  # the weight updates of a run
BFLOAT16 = 0.05  # the share of the weights' change that may be rounding, in 8 bits of mantissa
HALF = {"batch_size": BATCH_SIZE // 2, "sampler": SharedOrder}  # a plain loader in each of two processes


class HalfGradients(Precision):
    """A plugin of someone's own, which halves the cost before back propagation."""

    def pre_backward(self, tensor: Tensor, module: Any) -> Tensor:
        return super().pre_backward(tensor, module) / 2


class OwnStrategy(SingleDeviceStrategy):
    """A strategy of someone's own, which halves the cost before back propagation."""

    def backward(self, closure_loss: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return super().backward(closure_loss / 2, *args, **kwargs)


def stopped(**others: Any) -> dict[str, Any]:
    """Arguments of a run whose time is over before it begins."""
    return {"callbacks": [Timer(timedelta(0), verbose=False)], **others}


def in_folder(ran: Ran) -> None:
    assert Path(ran.trainer.default_root_dir) == ran.folder


def of(
    argument: str,
    value: Any,
    outcome: Outcome,
    check: Check = lambda ran: None,
    also: Callable[[], dict[str, Any]] = dict,
    shown: str = "",
    make: Callable[[Path], Any] | None = None,
    **case: Any,
) -> tuple[str, Case]:
    """Return an argument's name and a case.

    Args:
        argument: the argument of Trainer.
        value: its value; ... is Lightning's default.
        outcome: what trains it, or that it is refused.
        check: asserts the documented effect.
        also: other arguments.
        shown: the value in the table, if it is not `value`.
        make: makes the value anew for each run, given the run's folder; then `value` is only shown.
        case: other fields of Case.
    """

    def arguments(folder: Path) -> dict[str, Any]:
        return {**also(), argument: value if make is None else make(folder)}

    return argument, Case(
        shown or (value if isinstance(value, str) else repr(value)), outcome, arguments, check, **case
    )


CASES = [
    of("accelerator", "cpu", "closed form"),
    of("accelerator", "auto", "closed form", also=lambda: {"precision": "32-true"}),
    of("accelerator", "abacus", "refused", refusal="invalid accelerator name", shown="an unknown one"),
    of("accumulate_grad_batches", 1, "closed form", at_updates(ALL)),
    of("accumulate_grad_batches", 4, "autograd", at_updates(2 * 8)),
    of("barebones", True, "closed form", at_updates(ALL), lambda: {"logger": False, "log_every_n_steps": None}),
    of("barebones", True, "refused", shown="True with detect_anomaly",
       also=lambda: {"detect_anomaly": True, "logger": False, "log_every_n_steps": None},
       refusal="Anomaly detection can impact raw speed"),
    of("benchmark", True, "closed form", mode("benchmark")),
    of("benchmark", False, "closed form", mode("benchmark", False)),
    of("callbacks", [], "closed form", at_updates(ALL), shown="those of the other table"),
    of("check_val_every_n_epoch", 2, "closed form", validates_at(ALL)),
    of("check_val_every_n_epoch", None, "closed form", validates_at(40), lambda: {"val_check_interval": 40}),
    of("default_root_dir", "a folder", "closed form", in_folder, make=lambda folder: folder),
    of("detect_anomaly", True, "autograd", mode("anomaly")),
    of("detect_anomaly", False, "closed form", mode("anomaly", False)),
    of("deterministic", True, "closed form", mode("deterministic")),
    of("deterministic", "warn", "closed form", mode("deterministic")),
    of("devices", 1, "closed form"),
    of("devices", "auto", "closed form"),
    of("devices", 0, "refused", refusal="devices"),
    of("devices", -7, "refused", refusal="devices"),
    of("enable_autolog_hparams", True, "closed form", logs_settings(True)),
    of("enable_autolog_hparams", False, "closed form", logs_settings(False)),
    of("enable_checkpointing", True, "closed form", files("epoch=1-step=60.ckpt")),
    of("enable_model_summary", True, "closed form", prints("Total params")),
    of("enable_progress_bar", True, "closed form", prints(f"{BATCHES}/{BATCHES}")),
    of("fast_dev_run", True, "closed form", both(at_updates(1), batches(val=1))),
    of("fast_dev_run", 3, "closed form", both(at_updates(3), batches(val=3))),
    of("gradient_clip_algorithm", "norm", "autograd", changes_weights, lambda: {"gradient_clip_val": 1e-3}),
    of("gradient_clip_algorithm", "value", "autograd", changes_weights, lambda: {"gradient_clip_val": 1e-4}),
    of("gradient_clip_algorithm", "abacus", "refused", refusal="`gradient_clip_algorithm` abacus is invalid",
       shown="an unknown one"),
    of("gradient_clip_val", 1e-3, "autograd", changes_weights, shown="0.001"),
    of("gradient_clip_val", 0, "closed form", changes_nothing),
    of("gradient_clip_val", "much", "refused", refusal="should be an int or a float", shown="text"),
    of("inference_mode", True, "closed form", both(batches(test=EVALUATION_BATCHES), mode("inference"))),
    of("inference_mode", False, "closed form", both(batches(test=EVALUATION_BATCHES), mode("inference", False))),
    of("limit_predict_batches", 2, "closed form", batches(predict=2)),
    of("limit_test_batches", 2, "closed form", batches(test=2)),
    of("limit_test_batches", 0.5, "closed form", batches(test=EVALUATION_BATCHES // 2)),
    of("limit_train_batches", 7, "closed form", at_updates(14)),
    of("limit_train_batches", 1, "closed form", at_updates(2)),
    of("limit_train_batches", 0.5, "closed form", at_updates(ALL // 2)),
    of("limit_train_batches", 1.0, "closed form", at_updates(ALL)),
    of("limit_train_batches", 0, "closed form", at_updates(0)),
    of("limit_train_batches", -1, "refused", refusal="limit_train_batches"),
    of("limit_val_batches", 2, "closed form", batches(val=4)),
    of("limit_val_batches", 0.5, "closed form", batches(val=EVALUATION_BATCHES)),
    of("limit_val_batches", 0, "closed form", validates_at()),
    of("log_every_n_steps", 7, "closed form", logged("update/mini_batch_cost", every=7)),
    of("log_every_n_steps", 1, "closed form", logged("update/mini_batch_cost", every=1)),
    of("logger", False, "closed form", at_updates(ALL)),
    of("logger", True, "closed form", files("hparams.yaml")),
    of("logger", "CSVLogger", "closed form", files("metrics.csv"), make=CSVLogger),
    of("max_epochs", 1, "closed form", at_updates(BATCHES)),
    of("max_epochs", 0, "closed form", at_updates(0)),
    of("max_epochs", -1, "closed form", at_updates(35), lambda: {"max_steps": 35}),
    of("max_steps", 17, "closed form", at_updates(17)),
    of("max_steps", 0, "closed form", at_updates(0)),
    of("max_time", {"seconds": 0}, "closed form", at_updates(0)),
    of("max_time", "01:00:00:00", "closed form", at_updates(ALL)),
    of("max_time", "tomorrow", "refused", refusal="not a valid duration", shown="text"),
    of("min_epochs", 1, "closed form", at_updates(BATCHES), stopped),
    of("min_steps", 7, "closed form", at_updates(BATCHES), stopped),
    of("model_registry", "name", "closed form", at_updates(ALL)),
    of("num_nodes", 1, "closed form"),
    of("num_sanity_val_steps", 2, "closed form", batches(sanity=2)),
    of("num_sanity_val_steps", -1, "closed form", batches(sanity=EVALUATION_BATCHES)),
    of("overfit_batches", 2, "closed form", at_updates(4), data={"sampler": FixedOrder}),
    of("overfit_batches", 0.25, "closed form", at_updates(14), data={"sampler": FixedOrder}),
    of("plugins", "DoublePrecision", "closed form", dtype(torch.float64), make=lambda _: [DoublePrecision()],
       also=lambda: {"precision": ...}),
    of("plugins", "HalfPrecision", "autograd", dtype(torch.bfloat16), make=lambda _: [HalfPrecision("bf16-true")],
       also=lambda: {"precision": ..., "limit_train_batches": 5}, tolerance=BFLOAT16),
    of("plugins", "your own precision", "autograd", changes_weights, make=lambda _: [HalfGradients()],
       also=lambda: {"precision": ...}),
    of("plugins", "CheckpointIO", "closed form", files("epoch=1-step=60.ckpt"), make=lambda _: [TorchCheckpointIO()],
       also=lambda: {"enable_checkpointing": True}),
    of("plugins", "ClusterEnvironment", "closed form", make=lambda _: [LightningEnvironment()]),
    of("precision", "32-true", "closed form", dtype(torch.float32)),
    of("precision", None, "closed form", dtype(torch.float32)),
    of("precision", "64-true", "closed form", dtype(torch.float64)),
    of("precision", "bf16-mixed", "closed form", dtype(torch.float32), tolerance=BFLOAT16),
    of("precision", "16-mixed", "closed form", dtype(torch.float32), tolerance=BFLOAT16, shown="16-mixed (CPU)"),
    of("precision", "bf16-true", "autograd", dtype(torch.bfloat16), lambda: {"limit_train_batches": 5},
       tolerance=BFLOAT16),
    of("precision", "16-true", "autograd", dtype(torch.float16), lambda: {"limit_train_batches": 5},
       tolerance=BFLOAT16),
    of("precision", "transformer-engine", "refused", refusal="transformer_engine"),
    of("precision", "8-true", "refused", refusal="Precision '8-true' is invalid", shown="an unknown one"),
    of("profiler", None, "closed form"),
    of("profiler", "simple", "closed form", prints("run_training_epoch")),
    of("profiler", "advanced", "closed form", prints("run_training_epoch")),
    of("profiler", "a profiler", "closed form", profiles, make=lambda folder: SimpleProfiler(folder, "profile")),
    of("profiler", "abacus", "refused", refusal="it can only be one of", shown="an unknown one"),
    of("reload_dataloaders_every_n_epochs", 1, "closed form", loads(2)),
    of("reload_dataloaders_every_n_epochs", 0, "closed form", loads(1)),
    of("strategy", "auto", "closed form"),
    of("strategy", "SingleDeviceStrategy", "closed form", make=lambda _: SingleDeviceStrategy("cpu")),
    of("strategy", "your own strategy", "autograd", changes_weights, make=lambda _: OwnStrategy("cpu")),
    of("strategy", "abacus", "refused", refusal="invalid strategy", shown="an unknown one"),
    of("sync_batchnorm", True, "closed form", changes_nothing),
    of("use_distributed_sampler", False, "closed form", changes_nothing, shown="False with 1 device"),
    of("val_check_interval", 10, "closed form", validates_at(10, 20, 30, 40, 50, 60)),
    of("val_check_interval", 0.5, "closed form", validates_at(15, 30, 45, 60)),
    of("val_check_interval", 1.0, "closed form", validates_at(30, 60)),
    of("val_check_interval", 31, "refused", refusal="must be less than or equal to the number of the training batches",
       shown="more than an epoch"),
]  # fmt: skip

# Run by tests/trainer/processes.py. In ours, a mini-batch has 10 images over both processes.
IN_PROCESSES = [
    of("devices", 2, "autograd", also=lambda: {"strategy": "ddp_fork"}, data=HALF),
    of("num_nodes", 2, "autograd", also=lambda: {"strategy": "ddp", "devices": 1}, data=HALF),
    of("use_distributed_sampler", False, "autograd", also=lambda: {"strategy": "ddp_fork", "devices": 2},
       shown="False with 2 devices", data=HALF),
]  # fmt: skip
WITH_DDP = of("strategy", "ddp", "autograd")  # run with num_nodes

ARGUMENTS: dict[str, list[Case]] = {}
for _name, _case in [*CASES, *IN_PROCESSES, WITH_DDP]:
    ARGUMENTS.setdefault(_name, []).append(_case)
