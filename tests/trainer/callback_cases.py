"""What must happen with each callback of `lightning.pytorch.callbacks`. Add a case here for a new one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import callbacks

from tests.trainer.callback_effects import (
    Bar,
    Counts,
    FreezeFirst,
    SavesAtTheEnd,
    Writer,
    all_batches,
    backbone_stays,
    calls_for_every_batch,
    counts_examples,
    finds_a_batch_size,
    finds_a_learning_rate,
    in_float64,
    measures_time,
    prunes_half_of_the_rest,
    saves_on_an_exception,
    stops_at_a_spike,
    with_backbone,
    writes_predictions,
)
from tests.trainer.case import Case
from tests.trainer.effects import at_updates, changes_weights, files, logged, prints
from tests.trainer.runs import BATCHES


def given(*made: Callable[[Path], Any], **others: Any) -> Callable[[Path], dict[str, Any]]:
    """Return the Trainer's arguments with callbacks that are new for each run."""
    return lambda folder: {"callbacks": [make(folder) for make in made], **others}


CONSTANT = {"lr_schedule": "constant"}
NO_METRIC = "Early stopping conditioned on metric `nothing` which is not available"

CALLBACKS: dict[str, list[Case]] = {
    "BackboneFinetuning": [
        Case(
            "a net with a backbone",
            "autograd",
            given(lambda _: callbacks.BackboneFinetuning(unfreeze_backbone_at_epoch=9)),
            backbone_stays,
            with_backbone,
        ),
        Case(
            "a net without a backbone",
            "refused",
            given(lambda _: callbacks.BackboneFinetuning()),
            refusal="backbone",
        ),
    ],
    "BaseFinetuning": [Case("", "autograd", given(lambda _: FreezeFirst()), changes_weights)],
    "BasePredictionWriter": [Case("", "autograd", given(Writer), writes_predictions)],
    "BatchSizeFinder": [
        Case(
            "",
            "autograd",
            given(lambda _: callbacks.BatchSizeFinder(init_val=4, max_trials=2, steps_per_trial=2)),
            finds_a_batch_size,
        )
    ],
    "Callback": [Case("", "autograd", given(lambda _: callbacks.Callback()))],
    "Checkpoint": [
        Case("", "autograd", given(lambda _: SavesAtTheEnd(), enable_checkpointing=True), files("end.ckpt")),
    ],
    "DeviceStatsMonitor": [
        Case("", "closed form", given(lambda _: callbacks.DeviceStatsMonitor()), logged("cpu_percent"), needs="psutil"),
        Case("", "closed form", given(lambda _: callbacks.DeviceStatsMonitor(cpu_stats=False))),
    ],
    "EarlyStopping": [
        Case(
            "",
            "closed form",
            given(lambda _: callbacks.EarlyStopping("val/cost", min_delta=10, patience=1), max_epochs=4),
            at_updates(2 * BATCHES),
        ),
        Case(
            "a metric that is not logged",
            "refused",
            given(lambda _: callbacks.EarlyStopping("nothing")),
            refusal=NO_METRIC,
        ),
    ],
    "EMAWeightAveraging": [
        Case("", "autograd", given(lambda _: callbacks.EMAWeightAveraging(decay=0.9)), changes_weights)
    ],
    "GradientAccumulationScheduler": [
        Case(
            "",
            "autograd",
            given(lambda _: callbacks.GradientAccumulationScheduler({1: 3})),
            at_updates(BATCHES + BATCHES // 3),
            net=CONSTANT,
        )
    ],
    "LambdaCallback": [Case("", "autograd", given(lambda _: Counts()), calls_for_every_batch)],
    "LearningRateFinder": [
        Case(
            "",
            "autograd",
            given(lambda _: callbacks.LearningRateFinder(0.1, 4.0, num_training_steps=25)),
            finds_a_learning_rate,
            net=CONSTANT,
        )
    ],
    "LearningRateMonitor": [
        Case("", "closed form", given(lambda _: callbacks.LearningRateMonitor()), logged("lr-SGD", every=5)),
    ],
    "ModelCheckpoint": [
        Case(
            "",
            "closed form",
            given(
                lambda folder: callbacks.ModelCheckpoint(folder, "{step}", every_n_train_steps=25, save_top_k=-1),
                enable_checkpointing=True,
            ),
            files("step=25.ckpt", "step=50.ckpt"),
        ),
        Case(
            "",
            "closed form",
            given(
                lambda folder: callbacks.ModelCheckpoint(folder, "{step}", monitor="val/cost", save_last=True),
                enable_checkpointing=True,
            ),
            files("last.ckpt", "step=60.ckpt"),
        ),
    ],
    "ModelPruning": [
        Case(
            "",
            "autograd",
            given(lambda _: callbacks.ModelPruning("l1_unstructured", amount=0.5)),
            prunes_half_of_the_rest,
            in_float64,
        )
    ],
    "ModelSummary": [
        Case("", "closed form", given(lambda _: callbacks.ModelSummary()), prints("Total params")),
    ],
    "OnExceptionCheckpoint": [
        Case(
            "",
            "closed form",
            given(callbacks.OnExceptionCheckpoint, enable_checkpointing=True),
            saves_on_an_exception,
        )
    ],
    "ProgressBar": [Case("", "autograd", given(lambda _: Bar(), enable_progress_bar=True), all_batches("ProgressBar"))],
    "RichModelSummary": [
        Case("", "closed form", given(lambda _: callbacks.RichModelSummary()), prints("Total params"), needs="rich"),
    ],
    "RichProgressBar": [
        Case(
            "",
            "closed form",
            given(lambda _: callbacks.RichProgressBar(), enable_progress_bar=True),
            all_batches("RichProgressBar"),
            needs="rich",
        )
    ],
    "SpikeDetection": [Case("", "autograd", given(lambda _: callbacks.SpikeDetection(rtol=99.0)), stops_at_a_spike)],
    "StochasticWeightAveraging": [
        Case(
            "",
            "autograd",
            given(lambda _: callbacks.StochasticWeightAveraging(1.0, swa_epoch_start=1, annealing_epochs=1)),
            changes_weights,
        )
    ],
    "ThroughputMonitor": [
        Case(
            "",
            "closed form",
            given(lambda _: callbacks.ThroughputMonitor(lambda batch: len(batch[0]), window_size=5)),
            counts_examples,
        )
    ],
    "Timer": [
        Case("", "closed form", given(lambda _: callbacks.Timer()), measures_time),
        Case("", "closed form", given(lambda _: callbacks.Timer({"seconds": 0})), at_updates(0)),
    ],
    "TQDMProgressBar": [
        Case(
            "",
            "closed form",
            given(lambda _: callbacks.TQDMProgressBar(), enable_progress_bar=True),
            prints(f"{BATCHES}/{BATCHES}"),
        )
    ],
    "WeightAveraging": [Case("", "autograd", given(lambda _: callbacks.WeightAveraging()), changes_weights)],
}
