"""Read a folder of pictures with a subfolder for each class, as torchvision's ImageFolder takes it."""

import hashlib
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch

from mnist_mlp.data.converted import ConvertedPictures, Picture
from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError

MAX_CLASSES = 10  # the net's output neurons
TEST_SHARE = 0.2  # of the pictures of each class, in a folder without a test split of its own
NAMED = 5  # pictures that are left out and named one by one
LAYOUT = "--data.data_dir takes a folder with one subfolder of pictures for each class, such as DIR/0 and DIR/1"


class PictureFolder(NamedTuple):
    """The pictures of a folder in MNIST's form.

    train: the training examples.
    test: the test examples.
    class_names: the names of the labels 0, 1, ...; those of the subfolders.
    train_files: the paths of the training examples.
    test_files: the paths of the test examples.
    left_out: the pictures that cannot be used, each with the reason; a sentence each.
    """

    train: Examples
    test: Examples
    class_names: tuple[str, ...]
    train_files: list[Path]
    test_files: list[Path]
    left_out: list[str]


@dataclass
class _ClassFolder:
    """The pictures of one class.

    folder: where they are.
    pictures: those that can be used.
    left_out: the others, each with the reason.
    """

    folder: Path
    pictures: list[Picture] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, path: Path, converted: ConvertedPictures) -> None:
        """Read a picture, or note why it is left out."""
        try:
            self.pictures.append(converted.read(path))
        except InputError as error:
            self.left_out.append(f"{path}: {error}")


def load_folder(data_dir: str | Path, split_seed: int = 0, progress: bool = True) -> PictureFolder:
    """Read a folder of pictures. It is not changed.

    DIR/train and DIR/test hold a subfolder for each class. Without these two, DIR holds the subfolders, and 20% of the
    pictures of each class, at least one, are test examples. `split_seed` selects them by a hash of the files' contents.
    The examples are in the order of the hash, too. Names of files therefore do not matter.

    Args:
        data_dir: the folder.
        split_seed: selects the test examples.
        progress: show a progress bar on a terminal.

    Raises:
        InputError: there are fewer than 2 classes or more than 10; a class has too few pictures that can be used;
            DIR/train and DIR/test have different classes.
    """
    folder = Path(os.path.expanduser(data_dir))
    parts = _parts(folder)
    names = _class_names(parts)
    classes = [_ClassFolder(part / name) for part in parts for name in names]
    _read_pictures(folder, classes, progress)
    for each in classes:
        _check_enough(each, needed=2 if len(parts) == 1 else 1)  # one to train on, one to test
        each.pictures.sort(key=lambda picture: hashlib.sha256(f"{split_seed} ".encode() + picture.digest).digest())
    pictures = [each.pictures for each in classes]
    if len(parts) == 1:
        n_test = [max(1, round(TEST_SHARE * len(of_class))) for of_class in pictures]
        train = [of_class[n:] for n, of_class in zip(n_test, pictures, strict=True)]
        test = [of_class[:n] for n, of_class in zip(n_test, pictures, strict=True)]
    else:
        train, test = pictures[: len(names)], pictures[len(names) :]
    return PictureFolder(
        train=_examples(train),
        test=_examples(test),
        class_names=tuple("".join(c if c.isprintable() else "?" for c in name) for name in names),
        train_files=[picture.path for of_class in train for picture in of_class],
        test_files=[picture.path for of_class in test for picture in of_class],
        left_out=[line for each in classes for line in each.left_out],
    )


def describe_left_out(left_out: list[str]) -> list[str]:
    """Return the lines for the user on the pictures that are left out: a few by name, and how many more."""
    lines = [f"left out {line}" for line in left_out[:NAMED]]
    return [*lines, f"left out {len(left_out) - NAMED} more"] if len(left_out) > NAMED else lines


def _parts(folder: Path) -> list[Path]:
    """Return the folders that hold those of the classes: DIR/train and DIR/test, or DIR itself."""
    names = _subfolders(folder)
    if "train" not in names or "test" not in names:
        return [folder]
    if others := [name for name in names if name not in ("train", "test")]:
        raise InputError(
            f"{folder} holds {_first(others)} beside train and test; move its pictures to train, where validation "
            "images are taken from, or move it out of the folder."
        )
    return [folder / "train", folder / "test"]


def _class_names(parts: list[Path]) -> list[str]:
    """Return the names of the classes, in order."""
    names = _subfolders(parts[0])
    if len(names) < 2:
        held = f"only the subfolder {names[0]}" if names else "no subfolders"
        raise InputError(f"{parts[0]} holds {held}; {LAYOUT}, or with train and test that hold such subfolders.")
    if len(names) > MAX_CLASSES:
        raise InputError(
            f"{parts[0]} has {len(names)} classes ({_first(names)}), but the net has {MAX_CLASSES} output neurons; "
            f"keep at most {MAX_CLASSES} subfolders."
        )
    for part in parts[1:]:
        if different := sorted(set(names) ^ set(_subfolders(part))):
            raise InputError(f"{parts[0]} and {part} have different classes ({_first(different)}); give both the same.")
    return names


def _subfolders(folder: Path) -> list[str]:
    """Return the names of the subfolders, without hidden ones. Numbers in them are sorted as numbers: 10 after 9."""
    try:
        names = [path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError as error:
        raise InputError(f"cannot read the folder {folder} ({error.strerror}); {LAYOUT}.") from error
    return sorted(names, key=lambda name: [int(p) if p.isdecimal() else p for p in re.split(r"(\d+)", name)])


def _first(names: list[str]) -> str:
    """Return names as a message shows them."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _read_pictures(folder: Path, classes: list[_ClassFolder], progress: bool) -> None:
    """Bring all pictures to MNIST's form. After Ctrl-C, the cache keeps those that are done."""
    from tqdm import tqdm

    paths = [(each, path) for each in classes for path in _files(each.folder)]
    hidden = not (progress and sys.stderr.isatty())
    converted, complete = ConvertedPictures(folder), False
    try:
        for each, path in tqdm(paths, "pictures", leave=False, dynamic_ncols=True, file=sys.stderr, disable=hidden):
            each.add(path, converted)
        complete = True
    finally:
        converted.store(complete)


def _files(folder: Path) -> list[Path]:
    """Return the paths of everything in a class's folder, without hidden files, sorted."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"cannot read the folder {folder} ({error.strerror}); make it readable.") from error


def _check_enough(each: _ClassFolder, needed: int) -> None:
    """A class has pictures to train on and to test."""
    if len(each.pictures) >= needed:
        return
    found = "only one picture" if each.pictures else "no picture"
    reason = f" (left out: {each.left_out[0].rstrip('.')})" if each.left_out else ""
    raise InputError(f"{each.folder} holds {found} that can be used{reason}; give it {needed} or more.")


def _examples(classes: list[list[Picture]]) -> Examples:
    """Return the pictures of all classes as examples."""
    content = bytearray(b"".join(picture.image for pictures in classes for picture in pictures))
    labels = [label for label, pictures in enumerate(classes) for _ in pictures]
    return Examples(torch.frombuffer(content, dtype=torch.uint8).view(-1, 28, 28), torch.tensor(labels))
