"""Pictures are brought to MNIST's form once: the cache is used again, safe between processes, and never stale."""

import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import mnist_mlp.data.converted
import mnist_mlp.pictures.form
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.folder import PictureFolder, load_folder
from tests.data.pictures import write_pictures


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, in place of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("mnist_mlp.data.converted.cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "folder"


@pytest.fixture
def folder(tmp_path: Path, mnist: tuple[Examples, Examples]) -> Path:
    """Five pictures each of three classes."""
    return write_pictures(tmp_path / "data", mnist[0], "abc")


@pytest.fixture
def converted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list of the pictures that are converted from now on."""
    pictures: list[Any] = []
    convert = mnist_mlp.pictures.form.mnist_form

    def noting(image: Any) -> Any:
        pictures.append(image)
        return convert(image)

    monkeypatch.setattr(mnist_mlp.pictures.form, "mnist_form", noting)
    return pictures


def assert_same(a: PictureFolder, b: PictureFolder) -> None:
    for one, other in ((a.train, b.train), (a.test, b.test)):
        assert one.images.equal(other.images)
        assert one.labels.equal(other.labels)


def test_a_picture_is_converted_once(folder: Path, cache: Path, converted: list[Any]) -> None:
    """Again only if its content changes; not after it is renamed. Pictures that are gone leave the cache."""
    first = load_folder(folder)
    assert len(converted) == 15
    (file,) = cache.iterdir()
    size, written = file.stat().st_size, file.stat().st_mtime_ns
    assert_same(load_folder(folder), first)
    (folder / "a" / "0.png").rename(folder / "a" / "renamed.png")
    assert_same(load_folder(folder), first)
    assert len(converted) == 15
    assert file.stat().st_mtime_ns == written

    with Image.open(folder / "b" / "1.png") as image:
        image.transpose(Image.Transpose.ROTATE_180).save(folder / "b" / "1.png")
    changed = load_folder(folder)
    assert len(converted) == 16
    assert not changed.train.images.equal(first.train.images) or not changed.test.images.equal(first.test.images)
    (folder / "c" / "4.png").unlink()
    load_folder(folder)
    assert len(converted) == 16
    assert file.stat().st_size == size - 32 - 784


def test_a_cache_of_another_version_or_damaged_is_not_used(
    folder: Path, cache: Path, converted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_folder(folder)
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    content[1_000] ^= 1
    for damaged in (bytes(content), file.read_bytes()[:-1], b"", b"other"):
        converted.clear()
        file.write_bytes(damaged)
        assert_same(load_folder(folder), first)
        assert len(converted) == 15
    converted.clear()
    monkeypatch.setattr(mnist_mlp.data.converted, "_converter", lambda: b"another version")
    assert_same(load_folder(folder), first)
    assert len(converted) == 15


def test_the_version_is_that_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change anywhere in mnist_mlp.pictures is another version."""
    before = mnist_mlp.data.converted._converter()
    package = shutil.copytree(Path(mnist_mlp.pictures.form.__file__).parent, tmp_path / "pictures")
    monkeypatch.setattr(mnist_mlp.data.converted, "files", lambda _: package)
    assert mnist_mlp.data.converted._converter() == before
    (package / "form.py").write_text((package / "form.py").read_text().replace("20", "22", 1))
    assert mnist_mlp.data.converted._converter() != before


def test_an_interrupted_conversion_continues(
    folder: Path, converted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C, the pictures that were done are in the cache."""
    convert = mnist_mlp.pictures.form.mnist_form

    def interrupted(image: Any) -> Any:
        if len(converted) == 9:
            raise KeyboardInterrupt
        return convert(image)

    with monkeypatch.context() as patch:
        patch.setattr(mnist_mlp.pictures.form, "mnist_form", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_folder(folder)
    assert len(converted) == 9
    load_folder(folder)
    assert len(converted) == 15


def test_without_a_cache_pictures_are_converted_each_time(folder: Path, cache: Path, converted: list[Any]) -> None:
    cache.parent.write_text("a file where a folder should be")
    assert_same(load_folder(folder), load_folder(folder))
    assert len(converted) == 30


def load_in_a_process(folder: Path) -> None:
    """Load a folder; a process needs a function of this module."""
    assert len(load_folder(folder).train.labels) == 12


def test_two_processes_at_once(folder: Path, cache: Path, tmp_path: Path, converted: list[Any]) -> None:
    """Both read all pictures. Afterwards the cache is complete, and no temporary file is left."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=load_in_a_process, args=(folder,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    (written,) = (tmp_path / "cache" / "mnist_mlp" / "folder").iterdir()
    cache.mkdir(parents=True)
    (cache / written.name).write_bytes(written.read_bytes())
    load_folder(folder)
    assert converted == []
