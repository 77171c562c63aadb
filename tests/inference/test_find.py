"""The net that a command uses if --ckpt is left out."""

import os
from pathlib import Path

import pytest

from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.inference.find import find_net, nets_of_the_package
from mnist_mlp.inference.load import load_net


def test_which_net_is_taken_if_none_is_named(pretrained_folder: Path) -> None:
    """The pretrained net, then the newest best.ckpt, then the newest last.ckpt, whose run may have just begun."""
    with pytest.raises(InputError, match=r"there is no run in .*mnist_mlp\.train.*--ckpt"):
        find_net()
    made = [
        Path("lightning_logs/version_1/checkpoints/last.ckpt"),
        Path("lightning_logs/version_9/checkpoints/best.ckpt"),
        Path("lightning_logs/version_10/checkpoints/best.ckpt"),
        pretrained_folder / "net.safetensors",
    ]
    for age, path in enumerate(made):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1_000 + age, 1_000 + age))
        assert find_net() == path
        assert find_net(prefer_own_runs=True) == (path if path.suffix == ".ckpt" else made[-2])
    newer_but_begun = Path("lightning_logs/version_11/checkpoints/last.ckpt")
    newer_but_begun.parent.mkdir(parents=True)
    newer_but_begun.touch()
    assert find_net(prefer_own_runs=True) == made[-2]
    made[-1].unlink()
    assert find_net() == made[-2]


def test_the_pretrained_net_is_what_its_readme_says(mnist: tuple[Examples, Examples]) -> None:
    """One file of at most 3 MB, with its settings inside, and with the README's test error."""
    (path,) = nets_of_the_package()
    readme = path.with_name("README.md").read_text()
    trained = load_net(path)
    sizes = [layer.in_features for layer in trained.net.linear_layers]
    wrong = trained.activations(mnist[1].images).argmax(1) != mnist[1].labels
    assert path.stat().st_size <= 3_000_000
    assert f"# {path.name}" in readme
    assert "-".join(map(str, [*sizes, 10])) in readme
    assert f"Test error: **{100 * float(wrong.double().mean()):.2f}%**" in readme
