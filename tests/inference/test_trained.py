"""The averaged activations of augmented versions of an image."""

import pytest
import torch

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewing
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net

STRENGTHS = ("rotation", "scaling", "shear", "shift", "elastic_alpha")

pytestmark = pytest.mark.usefixtures("read_once")


def test_activations_averaged_over_augmented_versions(mnist: tuple[Examples, Examples]) -> None:
    """The pretrained net was trained on augmented images: the mean of its activations for each version."""
    trained = load_net(nets_of_the_package()[-1])
    augmentation = trained.training_data().augmentation
    assert augmentation is not None
    images = mnist[1].images[:300]
    plain = trained.activations(images)
    unchanged = trained.averaged_activations(images, augmentation.times(0), 2)
    torch.testing.assert_close(unchanged, plain, rtol=0, atol=1e-5)

    by_hand, generator = [], torch.Generator().manual_seed(0)
    upright = deskewing(images) if trained.preprocessing.deskew else None
    scale = trained.preprocessing._replace(deskew=False)
    assert trained.data is not None
    weak = Augmentation(
        **{name: 0.5 * trained.data[name] for name in STRENGTHS}, elastic_sigma=augmentation.elastic_sigma
    )
    for _ in range(3):
        augmented = weak(images, torch.zeros(300, dtype=torch.int64), generator, upright)
        by_hand.append(trained.net(scale(augmented)))
    averaged = trained.averaged_activations(images, augmentation.times(0.5), 3)
    torch.testing.assert_close(averaged, torch.stack(by_hand).mean(0), rtol=0, atol=1e-6)
    assert not averaged.allclose(plain, atol=1e-3)
