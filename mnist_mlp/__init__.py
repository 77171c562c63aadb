"""The sigmoid multilayer perceptron on MNIST: mean squared error, back propagation, plain gradient descent.

Read it in the order in which the data flows: `dataset` (files to tensors), `batches` (mini-batches), `data`
(the LightningDataModule), `model` (forward propagation, cost, weight update), `train` (the command), and
`logger` (the cost curve in TensorBoard). What was trained is used through `trained`, by the commands `predict`,
`evaluate`, `export` and `demo`, and looked at by `figures`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_mlp.data import MNISTData as MNISTData
    from mnist_mlp.model import SigmoidMLP as SigmoidMLP

__all__ = ["MNISTData", "SigmoidMLP"]


def __getattr__(name: str) -> Any:
    """Import torch and Lightning when the first of the two classes is asked for, not before."""
    if name == "MNISTData":
        from mnist_mlp.data import MNISTData

        return MNISTData
    if name == "SigmoidMLP":
        from mnist_mlp.model import SigmoidMLP

        return SigmoidMLP
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
