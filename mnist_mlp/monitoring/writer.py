"""TODO monitoring.writer."""

import io
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from PIL.Image import Image
from torch import Tensor

BINS = 64


def tensorboard_logger(trainer: L.Trainer) -> TensorBoardLogger | None:
    """Where pictures go, in the one process that logs."""
    loggers = trainer.loggers if trainer.is_global_zero else []
    return next((logger for logger in loggers if isinstance(logger, TensorBoardLogger)), None)


def add_histogram(writer: Any, tag: str, values: Tensor | None, epoch: int) -> None:
    """As `writer.add_histogram`, which takes ten times as long; nothing where not all values are numbers."""
    if values is None or not values.isfinite().all():
        return
    values = values.flatten().cpu().double()
    low, high = values.aminmax()
    bins = ((values - low) * (BINS / (high - low).clamp_min(1e-300))).long().clamp_max(BINS - 1)
    writer.add_histogram_raw(
        tag,
        min=float(low),
        max=float(high),
        num=len(values),
        sum=float(values.sum()),
        sum_squares=float(values.dot(values)),
        bucket_limits=torch.linspace(float(low), float(high), BINS + 1, dtype=torch.float64)[1:].tolist(),
        bucket_counts=bins.bincount(minlength=BINS).tolist(),
        global_step=epoch,
    )


def add_picture(writer: Any, tag: str, picture: Image, epoch: int) -> None:
    """As `writer.add_image`, which knows no palettes and would write three times the bytes."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    png = io.BytesIO()
    picture.save(png, format="PNG", compress_level=1)
    image = Summary.Image(height=picture.height, width=picture.width, encoded_image_string=png.getvalue())
    writer._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), epoch)
