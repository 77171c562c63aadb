"""What a figure is made from: the trained net, its data, the example and the options of the command."""

from dataclasses import dataclass
from functools import cached_property

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import Example, choose_example
from mnist_mlp.inference.trained import Trained

ABLATION_VAL_SIZE = 5_000  # if the net's own training had no validation split


@dataclass(frozen=True)
class Subject:
    """The net that the figures show, and how to show it.

    trained: the net.
    digit: the label of the example.
    seed: of the untrained net (figure 3) and of the nets trained for figures 7 and 8.
    data_dir: the folder of the data set; None for the one used in training.
    ablation_epochs: of each net of figure 8.
    """

    trained: Trained
    digit: int
    seed: int
    data_dir: str | None
    ablation_epochs: int

    @cached_property
    def data(self) -> MNISTData:
        """The data that the net was trained on."""
        data = self.trained.training_data(self.data_dir)
        data.setup()
        return data

    @cached_property
    def example(self) -> Example:
        """The image that figures 1 to 4 and 9 show."""
        return choose_example(self.trained, self.data, self.digit)

    def ablation_data(self) -> MNISTData:
        """Return fresh data with the net's data set and splits. All other settings have their defaults."""
        same = {name: self.data.hparams[name] for name in ("dataset", "data_dir", "val_size", "split_seed")}
        return MNISTData(**{**same, "val_size": same["val_size"] or ABLATION_VAL_SIZE})
