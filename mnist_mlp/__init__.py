"""The sigmoid multilayer perceptron on MNIST: mean squared error, back propagation, plain gradient descent.

Read `model` first (forward propagation, cost, weight update), then `backprop` (the gradient, by the article's
equations). The folders follow the data: `data` (files to mini-batches), `training` (the command `train`),
`monitoring` (TensorBoard), `inference` (a trained net in use: `predict`, `evaluate`, `export`), `figures`, `demo`,
`results`. `fast` holds the closed form, a faster way to the same weights.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_mlp.data.datamodule import MNISTData as MNISTData
    from mnist_mlp.fast.module import FastSigmoidMLP as FastSigmoidMLP
    from mnist_mlp.model import SigmoidMLP as SigmoidMLP

__all__ = ["FastSigmoidMLP", "MNISTData", "SigmoidMLP"]


def __getattr__(name: str) -> Any:
    """Import torch and Lightning when one of the classes is first used, not before."""
    if name == "FastSigmoidMLP":
        from mnist_mlp.fast.module import FastSigmoidMLP

        return FastSigmoidMLP
    if name == "MNISTData":
        from mnist_mlp.data.datamodule import MNISTData

        return MNISTData
    if name == "SigmoidMLP":
        from mnist_mlp.model import SigmoidMLP

        return SigmoidMLP
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
