"""MNIST as a LightningDataModule: the training, validation and test split, preprocessed and in mini-batches."""

import hashlib
import sys
import warnings
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader

from mnist_mlp.checks import check_choice, check_data_settings
from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.class_names import CLASS_NAMES
from mnist_mlp.data.dataset import DatasetName, Examples, load
from mnist_mlp.data.folder import describe_left_out, load_folder
from mnist_mlp.data.loader import SplitDataset, mini_batches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import MiniBatchSampler
from mnist_mlp.errors import InputError

VAL_SIZE = 5_000  # of MNIST's 60,000 training images; in a folder of pictures, at most the share below
FOLDER_VAL_SHARE = 1 / 6
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
        dataset: the data set, MNIST or another one of the same format; or "folder", your own pictures in `data_dir`,
            with a subfolder for each of at most ten classes (data/README.md).
        data_dir: the folder of the data set's four files, gzipped or not; or of your own pictures. None: the MNIST
            files in this package; the other sets are downloaded.
        batch_size: examples per weight update, over all devices. "full" is the article's gradient descent, one update
            per epoch over all training images.
        val_size: the number of training images that are held out for validation. 0 is allowed. The default is at most
            a sixth of the training images of a "folder".
        split_seed: selects these images, and the test images of a "folder" without DIR/test. It does not depend on the
            seed of the run, so that runs can be compared.
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
        val_size: int = VAL_SIZE,
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
        check_choice("dataset", dataset, get_args(DatasetName))
        check_data_settings(batch_size, val_size, pixel_range)
        if dataset == "folder" and data_dir is None:
            raise InputError("dataset is folder; give the folder of the pictures with --data.data_dir DIR.")
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
        self.class_names = CLASS_NAMES.get(dataset, ())  # those of a folder are known after `setup`
        self.files: dict[str, list[Path]] = {}  # of a folder: "train" and "test", in the order of the examples
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
        train, self._test = self._read()
        n, val_size = len(train.labels), self.hparams["val_size"]
        if self.hparams["dataset"] == "folder" and val_size == VAL_SIZE:
            val_size = min(val_size, max(1, round(FOLDER_VAL_SHARE * n)))
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
        if self.hparams["dataset"] == "folder":
            self._tell(
                f"{self.hparams['data_dir']} has {len(self.class_names)} classes: {n - val_size:,} pictures to train "
                f"on, {val_size:,} for validation, {len(self.test_indices):,} to test"
            )
        # Lightning advises workers for every loader that has none. Here all images are in memory already.
        warnings.filterwarnings("ignore", message=".*does not have many workers")

    def _read(self) -> tuple[Examples, Examples]:
        """Return the training and the test examples. A folder has its own class names, and may have broken pictures."""
        if self.hparams["dataset"] != "folder":
            return load(self.hparams["dataset"], self.hparams["data_dir"])
        first = rank_zero_only.rank == 0  # type: ignore[attr-defined]
        pictures = load_folder(self.hparams["data_dir"], self.hparams["split_seed"], progress=first)
        self.class_names = pictures.class_names
        self.files = {"train": pictures.train_files, "test": pictures.test_files}
        self._tell(*describe_left_out(pictures.left_out))
        return pictures.train, pictures.test

    def _tell(self, *lines: str) -> None:
        """Print lines for the user, in the first of several processes."""
        if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            for line in lines:
                print(f"mnist_mlp: {line}", file=sys.stderr)

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
        return SplitDataset(examples, indices, self.preprocessing, augmentation, self.class_names)

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
        preprocessing and the names of the classes.
        """
        return {
            "shuffle_seed": self.shuffle_seed,
            "position": self._sampler.position() if self._sampler is not None else None,
            "scale": tuple(self.preprocessing),
            "class_names": self.class_names,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the seed of the shuffling and the position in the epoch.

        Raises:
            InputError: the folder of pictures has other classes than before.
        """
        self.shuffle_seed, self._position = state_dict["shuffle_seed"], state_dict["position"]
        before = tuple(state_dict.get("class_names", self.class_names))
        if self.class_names and self.class_names != before:
            raise InputError(
                f"{self.hparams['data_dir']} has the classes {', '.join(self.class_names)}, but the run began with "
                f"{', '.join(before)}; give --data.data_dir the folder of the run."
            )
