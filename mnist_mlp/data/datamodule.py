"""MNIST as a LightningDataModule: the training, validation and test split, preprocessed and in mini-batches."""

import hashlib
import warnings
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mnist_mlp.checks import check_data_settings
from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import DatasetName, Examples, load
from mnist_mlp.data.loader import SplitDataset, mini_batches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import MiniBatchSampler
from mnist_mlp.errors import InputError

EVALUATION_BATCH_SIZE = 2_500  # without weight updates it only determines the memory: 8 MB


@runtime_checkable
class TakesBlocks(Protocol):
    """A net that can make several weight updates in one step of the Trainer, such as fast/module.py."""

    def updates_per_step(self, batch_size: int) -> int:
        """Return how many."""
        ...


class MNISTData(L.LightningDataModule):
    """MNIST as 55,000 training, 5,000 validation and 10,000 test images.

    Args:
        dataset: the data set, MNIST or another one of the same format.
        data_dir: a folder in torchvision's layout (DIR/MNIST/raw/...). None: the MNIST files in this package; the
            other sets are downloaded.
        batch_size: examples per weight update, over all devices. "full" is the article's gradient descent, one update
            per epoch over all training images.
        val_size: the number of training images that are held out for validation. 0 is allowed.
        split_seed: selects these images. It does not depend on the seed of the run, so that runs can be compared.
        normalize: shift and scale the pixels to mean 0 and standard deviation 1 over the training images. false: they
            are in `pixel_range`.
        pixel_range: the activations of paper and of ink. The article's are 0 and 1.
        rotation: augmentation (data/augmentation.py) changes the training images at random, in every epoch. This is
            the largest rotation, in degrees. 0 turns it off, as do the 0s below.
        scaling: the largest change of width and of height, as a fraction.
        shear: the largest lean of upright strokes, in degrees.
        shift: the largest shift along each axis, in pixels.
        elastic_alpha: the strength of elastic distortions, in pixels: α of Simard et al. 2003, who use 34.
        elastic_sigma: the smoothness of elastic distortions, in pixels: σ of Simard et al., who use 4.
        rotation_of: degrees for single digits, which replace `rotation`, such as {1: 7.5, 7: 7.5}.
        deskew: make every digit upright first, as LeCun et al. did in 1998 (data/deskew.py).

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
        # Files that keep a net's settings as JSON have the digits as strings.
        by_digit = {int(d) if str(d).isdecimal() else d: degrees for d, degrees in (rotation_of or {}).items()}
        augmentation = Augmentation(rotation, scaling, shear, shift, elastic_alpha, elastic_sigma, by_digit)
        self.augmentation = None if augmentation.off else augmentation
        data_dir = None if data_dir is None else str(data_dir)  # torch.load(weights_only=True) refuses a Path
        self.save_hyperparameters()
        self.shuffle_seed: int | None = None
        self._sampler: MiniBatchSampler | None = None
        self._position: dict[str, int] | None = None
        self.preprocessing = Preprocessing.between(paper, ink)._replace(deskew=deskew)
        self._train: Examples | None = None
        self._test: Examples | None = None

    def setup(self, stage: str | None = None) -> None:
        """Read the files and split the training examples. Further calls do nothing.

        There is no `prepare_data`, because several processes can unpack the files at the same time.

        Raises:
            InputError: a file cannot be used, or `val_size` or `batch_size` is larger than the data set allows.
        """
        if self._train is not None:
            return
        train, self._test = load(self.hparams["dataset"], self.hparams["data_dir"])
        n, val_size = len(train.labels), self.hparams["val_size"]
        if val_size >= n:
            raise InputError(f"val_size is {val_size} but there are only {n} training images; give a smaller one.")
        if self.hparams["batch_size"] != "full" and self.hparams["batch_size"] > n - val_size:
            raise InputError(
                f"batch_size is {self.hparams['batch_size']} but there are only {n - val_size} images to train on; "
                "give a smaller one, or 'full'."
            )
        order = torch.randperm(n, generator=torch.Generator().manual_seed(self.hparams["split_seed"]))
        self.val_indices, self.train_indices = order[:val_size], order[val_size:]
        self.test_indices = torch.arange(len(self._test.labels))
        if self.hparams["normalize"]:
            normalising = Preprocessing.normalising(train.images[self.train_indices])
            self.preprocessing = normalising._replace(deskew=self.hparams["deskew"])
        self._train = train
        # Lightning advises workers for every loader that has none. Here all images are in memory already.
        warnings.filterwarnings("ignore", message=".*does not have many workers")

    @property
    def batch_size(self) -> int:
        """Examples per weight update, also where the option is "full". Known after `setup`."""
        size: int | str = self.hparams["batch_size"]
        return len(self.train_indices) if size == "full" else int(size)

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        """Set it, as Lightning's BatchSizeFinder does."""
        self.hparams["batch_size"] = size

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the shuffled training split, augmented if an option says so."""
        if self.shuffle_seed is None:  # not restored from a checkpoint
            self.shuffle_seed = torch.initial_seed()
            if self.trainer is not None:  # every process must draw the same order
                self.shuffle_seed = self.trainer.strategy.broadcast(self.shuffle_seed)
        net = self.trainer.lightning_module if self.trainer is not None else None
        updates_per_step = net.updates_per_step(self.batch_size) if isinstance(net, TakesBlocks) else 1
        dataset = self._dataset(self._train, self.train_indices, self.augmentation)
        self._sampler = self._mini_batch_sampler(dataset, self.batch_size, self.shuffle_seed, updates_per_step)
        if self._position is not None:
            self._sampler.resume_at(**self._position)
            self._position = None  # a later loader starts at the first mini-batch
        return mini_batches(dataset, self._sampler)

    def val_dataloader(self) -> DataLoader[Any] | list[Any]:
        """Return the validation split; an empty list, Lightning's way to say "none", if `val_size` is 0."""
        return self._in_order(self._dataset(self._train, self.val_indices)) if len(self.val_indices) else []

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the test split."""
        return self._in_order(self._dataset(self._test, self.test_indices))

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return the test split, whose images the Trainer predicts by default.

        This is a plain DataLoader, which Lightning can ask for the indices of a batch.
        """
        return DataLoader(self._dataset(self._test, self.test_indices), batch_size=EVALUATION_BATCH_SIZE)

    def _in_order(self, dataset: SplitDataset) -> DataLoader[Any]:
        return mini_batches(dataset, self._mini_batch_sampler(dataset, EVALUATION_BATCH_SIZE))

    def _dataset(
        self, examples: Examples | None, indices: Tensor, augmentation: Augmentation | None = None
    ) -> SplitDataset:
        """Move the examples to the training device, as bytes. Mini-batches are made there."""
        assert examples is not None, "call setup() first"
        if self.trainer is not None:
            examples = examples.to(self.trainer.strategy.root_device)
        return SplitDataset(examples, indices, self.preprocessing, augmentation)

    def _mini_batch_sampler(
        self, dataset: SplitDataset, batch_size: int, seed: int | None = None, updates_per_step: int = 1
    ) -> MiniBatchSampler:
        if self.trainer is None:
            return MiniBatchSampler(dataset.indices, batch_size, seed)
        return MiniBatchSampler(
            dataset.indices,
            batch_size,
            seed,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
            updates_per_step=updates_per_step,
            same_every_epoch=self.trainer.overfit_batches > 0,  # type: ignore[attr-defined]
            device=dataset.examples.labels.device,
        )

    def checksums(self) -> dict[str, str]:
        """Return the SHA-256 of all images and of all labels, by file: of their bytes, without the files' headers."""
        assert self._train is not None, "call setup() first"
        assert self._test is not None
        examples = {"training": self._train, "test": self._test}
        return {
            f"{name} {kind}": hashlib.sha256(tensor.to(torch.uint8).numpy().tobytes()).hexdigest()
            for name, both in examples.items()
            for kind, tensor in both._asdict().items()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps.

        A resumed run needs the seed of the shuffling and the position in the epoch. A trained net needs the
        preprocessing.
        """
        position = self._sampler.position() if self._sampler is not None else None
        return {"shuffle_seed": self.shuffle_seed, "position": position, "scale": tuple(self.preprocessing)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the seed of the shuffling and the position in the epoch."""
        self.shuffle_seed, self._position = state_dict["shuffle_seed"], state_dict["position"]
