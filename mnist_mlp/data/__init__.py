"""From MNIST's files to the mini-batches that a net learns from. README.md explains the steps.

`dataset.py` reads the files, `preprocessing.py` turns images into activations, `augmentation.py` varies the training
images, `sampler.py` orders an epoch, `loader.py` makes mini-batches, and `datamodule.py` puts them
together.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_mlp.data.datamodule import MNISTData as MNISTData

__all__ = ["MNISTData"]


def __getattr__(name: str) -> Any:
    """Import torch and Lightning when MNISTData is first used, not before."""
    if name == "MNISTData":
        from mnist_mlp.data.datamodule import MNISTData

        return MNISTData
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
