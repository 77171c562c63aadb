"""The choice of the example, figures/example.py."""

import pytest
import torch

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.figures.example import choose_example
from mnist_mlp.inference.trained import Trained
from tests.figures.helpers import untrained


def test_the_example_is_a_real_image_of_the_digit(
    small_net: Trained, data: MNISTData, mnist: tuple[Examples, Examples]
) -> None:
    """For each digit it is a validation image that the net classifies correctly, with some doubt."""
    for digit in range(10):
        example = choose_example(small_net, data, digit)
        assert torch.equal(example.image, mnist[0].images[example.position])
        assert int(mnist[0].labels[example.position]) == example.label == digit
        assert example.position in data.val_indices
        activations = small_net.activations(example.image[None])[0]
        assert int(activations.argmax()) == digit
        assert float(activations.sort().values[-2]) > 0.1


def test_without_validation_images_the_example_is_a_training_image() -> None:
    net = untrained(hidden_sizes=[4])
    assert net.data is not None
    net = net._replace(data={**net.data, "val_size": 0})
    data = net.training_data()
    data.setup()
    example = choose_example(net, data, 7)
    assert (example.split, example.label) == ("training", 7)


def test_a_data_set_without_the_digit_raises_input_error() -> None:
    no_sevens = Examples(torch.zeros(20, 28, 28, dtype=torch.uint8), torch.arange(20) % 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_mlp.data.datamodule.load", lambda *_: (no_sevens, no_sevens))
        with pytest.raises(InputError, match=r"no image .* shows a 7"):
            choose_example(untrained(hidden_sizes=[4]), MNISTData(val_size=0, batch_size=1), 7)
