"""Pictures brought to MNIST's form once, and kept in the user's cache.

The cache has a file for each folder of pictures. It keeps each image under the SHA-256 of the picture's content, so
renamed pictures are not converted again, and changed ones are.
"""

import hashlib
import io
import os
from contextlib import suppress
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from mnist_mlp.data.dataset import cache_dir
from mnist_mlp.errors import InputError
from mnist_mlp.files import PART, remove_left_overs, write_atomically

DIGEST, IMAGE = 32, 28 * 28  # bytes of a SHA-256, and of an image


class Picture(NamedTuple):
    """A picture in MNIST's form.

    path: the file.
    digest: SHA-256 of the file's content.
    image: 784 bytes, from 0 (paper) to 255 (ink).
    """

    path: Path
    digest: bytes
    image: bytes


class ConvertedPictures:
    """The pictures of one folder in MNIST's form. Several processes can use the same folder at once.

    The file in the cache holds a checksum, then 32 + 784 bytes for each picture. The checksum includes what converts.
    A damaged file therefore counts as empty, and so does one that another version of the conversion wrote.

    Args:
        folder: the folder of the pictures.
    """

    def __init__(self, folder: Path) -> None:
        name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
        self.path = cache_dir() / "folder" / f"{name}.pictures"
        self._converter = _converter()
        remove_left_overs(self.path.parent, f"*{PART}")
        self._stored = self._load()
        self._used: dict[bytes, bytes] = {}

    def read(self, path: Path) -> Picture:
        """Return a picture in MNIST's form, from the cache if it is there.

        Raises:
            InputError: it cannot be used. The message does not contain its name.
        """
        # Pillow and SciPy are imported when they are needed: other data sets do without.
        from mnist_mlp.pictures.form import mnist_form
        from mnist_mlp.pictures.read import MAX_BYTES, read_image

        if path.is_dir():
            raise InputError("it is a folder; put its pictures into the folder of a class.")
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise InputError(f"it cannot be read ({error.strerror}).") from error
        digest = hashlib.sha256(content).digest()
        image = self._used.get(digest) or self._stored.get(digest)
        if image is None:
            image = mnist_form(read_image(io.BytesIO(content))).tobytes()
        self._used[digest] = image
        return Picture(path, digest, image)

    def store(self, complete: bool) -> None:
        """Write the images to the cache, unless they are there. If it cannot be written, the next run converts again.

        Args:
            complete: all pictures have been read, so that those not read are no longer in the folder.
        """
        kept = self._used if complete else {**self._stored, **self._used}
        if kept.keys() == self._stored.keys():
            return
        body = b"".join(digest + image for digest, image in sorted(kept.items()))
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, self._checksum(body) + body)

    def _load(self) -> dict[bytes, bytes]:
        try:
            content = self.path.read_bytes()
        except OSError:
            return {}
        body, size = content[DIGEST:], DIGEST + IMAGE
        if content[:DIGEST] != self._checksum(body):
            return {}
        return {body[i : i + DIGEST]: body[i + DIGEST : i + size] for i in range(0, len(body), size)}

    def _checksum(self, body: bytes) -> bytes:
        return hashlib.sha256(self._converter + body).digest()


def _converter() -> bytes:
    """Return what the conversion depends on: the source of `mnist_mlp.pictures` and the versions of the libraries."""
    modules = sorted(files("mnist_mlp.pictures").iterdir(), key=lambda module: module.name)
    sources = [module.read_bytes() for module in modules if module.name.endswith(".py")]
    return repr([*sources, *(version(package) for package in ("pillow", "numpy", "scipy"))]).encode()
