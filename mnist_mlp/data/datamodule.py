"""MNIST as a LightningDataModule: what is trained on, validated on and tested on, and in what portions."""

from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import lightning as L
import torch
from torch import Tensor

from mnist_mlp.checks import check_data_settings
from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import DatasetName, Examples, load
from mnist_mlp.data.loader import MiniBatches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError

EVALUATION_BATCH_SIZE = 2_500  # no weight is updated, so this only sets the memory used: 8 MB


@runtime_checkable
class TakesBlocks(Protocol):
    """A net that can make several weight updates in one step of the Trainer."""

    def updates_per_step(self, batch_size: int) -> int: ...


class MNISTData(L.LightningDataModule):
    """55,000 images to train on, 5,000 to validate on, 10,000 to test on.

    Args:
        dataset: which set of MNIST's format.
        data_dir: a folder in torchvision's layout (DIR/MNIST/raw/...). None: the MNIST that travels with this
            package; another set is downloaded.
        batch_size: examples per weight update, however many devices share them; "full" is the article's
            gradient descent, one update per epoch over all training images.
        val_size: how many of the training images to hold out for validation; 0 is allowed.
        split_seed: which ones. The same for every run, so that runs can be compared.
        normalize: shift and scale the pixels to mean 0 and standard deviation 1 over the training images; if
            not, they lie in `pixel_range`.
        pixel_range: the activations of paper and of ink. The article's are 0 and 1.
        deskew: make every digit upright before all else, as LeCun et al. did in 1998 (mnist_mlp/deskew.py).
        rotation: the training images, and no others, are deformed anew for every epoch (mnist_mlp/augmentation.py);
            this turns them by up to so many degrees. With 0 here and below, they stay as they are.
        scaling: makes them wider or narrower, and taller or flatter, by up to this fraction.
        shear: makes upright strokes lean by up to so many degrees.
        shift: moves them by up to so many pixels along each axis.
        elastic_alpha: how strongly they are distorted elastically, pixels: the α of Simard et al. 2003, theirs is 34.
        elastic_sigma: how smoothly, pixels: the σ of Simard et al., theirs is 4.
        rotation_of: degrees for single digits, where they are to turn by another angle than `rotation`; such as
            {1: 7.5, 7: 7.5}.

    Raises:
        InputError: an argument is out of range, or a file cannot be used.
    """

    def __init__(
        self,
        dataset: DatasetName = "MNIST",
        data_dir: str | Path | None = None,
        batch_size: int | Literal["full"] = 32,
        val_size: int = 5_000,
        split_seed: int = 0,
        normalize: bool = True,
        pixel_range: tuple[float, float] = (0.0, 1.0),
        rotation: float = 0.0,
        scaling: float = 0.0,
        shear: float = 0.0,
        shift: float = 0.0,
        elastic_alpha: float = 0.0,
        elastic_sigma: float = 4.0,
        rotation_of: dict[int, float] | None = None,
        deskew: bool = False,
    ) -> None:
        super().__init__()
        check_data_settings(batch_size, val_size, pixel_range)
        paper, ink = pixel_range
        # A file that keeps a net's settings as JSON has the digits as strings.
        own = {int(d) if str(d).isdecimal() else d: degrees for d, degrees in (rotation_of or {}).items()}
        augmentation = Augmentation(rotation, scaling, shear, shift, elastic_alpha, elastic_sigma, own)
        self.augmentation = None if augmentation.off else augmentation
        data_dir = None if data_dir is None else str(data_dir)  # a checkpoint with a Path in it is not read as plain
        self.save_hyperparameters()
        self.shuffle_seed: int | None = None
        self._loader: MiniBatches | None = None
        self._position: dict[str, int] | None = None
        self.preprocessing = Preprocessing.between(paper, ink)._replace(deskew=deskew)
        self._train: Examples | None = None
        self._test: Examples | None = None

    def setup(self, stage: str | None = None) -> None:
        """Read the files and split the training examples. Called again, it does nothing.

        There is no `prepare_data`: unpacking is safe when several processes do it at once.
        """
        if self._train is not None:
            return
        train, self._test = load(self.hparams["dataset"], self.hparams["data_dir"])
        n, val_size = len(train.labels), self.hparams["val_size"]
        if val_size >= n:
            raise InputError(
                f"val_size is {val_size} but there are {n} training images in all; leave some to train on."
            )
        if self.hparams["batch_size"] != "full" and self.hparams["batch_size"] > n - val_size:
            raise InputError(
                f"batch_size is {self.hparams['batch_size']} but there are {n - val_size} images to train on; "
                "give a smaller one, or 'full'."
            )
        order = torch.randperm(n, generator=torch.Generator().manual_seed(self.hparams["split_seed"]))
        self.val_indices, self.train_indices = order[:val_size], order[val_size:]
        if self.hparams["normalize"]:
            normalising = Preprocessing.normalising(train.images[self.train_indices])
            self.preprocessing = normalising._replace(deskew=self.hparams["deskew"])
        self._train = train

    @property
    def batch_size(self) -> int:
        """Examples per weight update, as a number. Known after `setup`."""
        size: int | str = self.hparams["batch_size"]
        return len(self.train_indices) if size == "full" else int(size)

    def train_dataloader(self) -> MiniBatches:
        if self.shuffle_seed is None:  # not restored from a checkpoint
            self.shuffle_seed = torch.initial_seed()
            if self.trainer is not None:  # every process must draw the same order
                self.shuffle_seed = self.trainer.strategy.broadcast(self.shuffle_seed)
        # The net says how many weight updates it makes in one step of the Trainer (mnist_mlp/engine.py).
        net = self.trainer.lightning_module if self.trainer is not None else None
        updates_per_step = net.updates_per_step(self.batch_size) if isinstance(net, TakesBlocks) else 1
        self._loader = self._batches(
            self._train, self.train_indices, self.batch_size, self.shuffle_seed, updates_per_step, self.augmentation
        )
        if self._position is not None:
            self._loader.go_on_from(**self._position)
        return self._loader

    def val_dataloader(self) -> MiniBatches | list[Any]:
        if not len(self.val_indices):
            return []
        return self._batches(self._train, self.val_indices, EVALUATION_BATCH_SIZE)

    def test_dataloader(self) -> MiniBatches:
        assert self._test is not None
        return self._batches(self._test, torch.arange(len(self._test.labels)), EVALUATION_BATCH_SIZE)

    def _batches(
        self,
        examples: Examples | None,
        indices: Tensor,
        batch_size: int,
        seed: int | None = None,
        updates_per_step: int = 1,
        augmentation: Augmentation | None = None,
    ) -> MiniBatches:
        """The examples move to the training device once, as bytes; each mini-batch is then made there."""
        assert examples is not None, "call setup() first"
        if self.trainer is None:
            return MiniBatches(examples, indices, batch_size, self.preprocessing, seed, augmentation=augmentation)
        device = self.trainer.strategy.root_device
        return MiniBatches(
            Examples(examples.images.to(device), examples.labels.to(device)),
            indices,
            batch_size,
            self.preprocessing,
            seed,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
            updates_per_step=updates_per_step,
            augmentation=augmentation,
        )

    def state_dict(self) -> dict[str, Any]:
        """A checkpoint keeps the order in which the images come and how far it has got, so that a run goes on there;
        and how images become activations, so that the trained net can be used without those that it was trained on."""
        position = {"made": self._loader.made, "updates": self._loader.updates} if self._loader else None
        return {"shuffle_seed": self.shuffle_seed, "position": position, "scale": tuple(self.preprocessing)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.shuffle_seed, self._position = state_dict["shuffle_seed"], state_dict["position"]
