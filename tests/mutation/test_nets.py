"""Damaged nets, as `load_net` reads them: checkpoints and .safetensors files."""

import io
import json
import pickle
import random
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mnist_mlp.data.dataset import Examples
from mnist_mlp.inference.load import load_net
from tests.inference.test_older_files import CHECKPOINT, NET
from tests.mutation.conftest import SEED
from tests.mutation.judge import Report, judge
from tests.mutation.mutate import mutated_bytes, mutated_values

pytestmark = pytest.mark.usefixtures("read_once")


def judge_nets(inputs: Iterator[bytes], path: Path, images: torch.Tensor) -> Report:
    """Load each content, and use the net."""

    def read(content: bytes) -> None:
        path.write_bytes(content)
        trained = load_net(path)
        activations = trained.activations(images)
        assert activations.shape == (len(images), 10)
        assert activations.isfinite().all(), "activations that are not finite"
        assert trained.net.schedule is not None
        if trained.data is not None:
            trained.training_data()

    report = judge(inputs, read)
    print(path.name, report)
    return report


def mutated_checkpoints(rng: random.Random, count: int, original: bytes) -> Iterator[bytes]:
    """Yield checkpoints: bytes changed, values changed, members of the zip file changed."""
    tree = torch.load(io.BytesIO(original), weights_only=True)
    used = {key: tree[key] for key in ("state_dict", "hyper_parameters", "datamodule_hyper_parameters", "MNISTData")}
    for _ in range(count):
        kind = rng.random()
        if kind < 0.2:
            yield mutated_bytes(rng, original)
        elif kind < 0.4:
            yield with_a_changed_member(rng, original)
        else:
            part = rng.choice(list(used))
            changed = mutated_values(rng, {part: used[part]}, tensors=True)
            yield saved({name: value for name, value in tree.items() if name != part} | changed)


def saved(tree: Any) -> bytes:
    """Save what a mutation has made, however deeply it is nested."""
    file, limit = io.BytesIO(), sys.getrecursionlimit()
    sys.setrecursionlimit(10 * limit)
    try:
        torch.save(tree, file)
    finally:
        sys.setrecursionlimit(limit)
    return file.getvalue()


def with_a_changed_member(rng: random.Random, original: bytes) -> bytes:
    """Remove, change, repeat or compress one member of a zip file; all checksums are right."""
    source, file = zipfile.ZipFile(io.BytesIO(original)), io.BytesIO()
    names = source.namelist()
    chosen, kind = rng.choice(names), rng.randrange(4)
    with zipfile.ZipFile(file, "w") as target:
        for name in names:
            content = source.read(name)
            if name != chosen:
                target.writestr(name, content)
            elif kind == 1:
                target.writestr(name, mutated_bytes(rng, content))
            elif kind == 2:
                target.writestr(name, content + bytes(10**6), compress_type=zipfile.ZIP_DEFLATED)
            elif kind == 3:
                target.writestr(name, content + content[: rng.randrange(len(content) + 1)])
    return file.getvalue()


def test_mutated_checkpoints(count: int, tmp_path: Path, mnist: tuple[Examples, Examples]) -> None:
    inputs = mutated_checkpoints(random.Random(f"{SEED} ckpt"), count, CHECKPOINT.read_bytes())
    report = judge_nets(inputs, tmp_path / "net.ckpt", mnist[1].images[:5])
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0


class RunsCode:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.path), "w"))


class Large:
    """Takes 8 GB when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return (bytearray, (8 * 10**9,))


def test_checkpoints_made_to_do_harm(tmp_path: Path, mnist: tuple[Examples, Examples]) -> None:
    """Code, bombs, structures that contain themselves, tensors that are larger than their file."""
    made = tmp_path / "made_by_the_pickle"
    tree = torch.load(CHECKPOINT, weights_only=True)
    doubled: Any = [1]
    for _ in range(100):
        doubled = [doubled, doubled]
    endless: Any = {}
    endless["again"] = endless
    settings, state = tree["hyper_parameters"], tree["state_dict"]
    wide = {name: torch.zeros(1).expand(10**6, *value.shape[1:]) for name, value in state.items()}
    harmful = [
        {**tree, "extra": RunsCode(made)},
        {**tree, "hyper_parameters": RunsCode(made)},
        {**tree, "extra": Large()},
        {**tree, "hyper_parameters": {**settings, "bias": doubled}},
        {**tree, "hyper_parameters": {**settings, "hidden_sizes": doubled}},
        {**tree, "hyper_parameters": {**settings, "bias": endless}},
        {**tree, "datamodule_hyper_parameters": endless},
        {**tree, "hyper_parameters": {**settings, "hidden_sizes": [10**6]}, "state_dict": wide},
        {**tree, "hyper_parameters": {**settings, "hidden_sizes": [10**6]}},
        {**tree, "hyper_parameters": {**settings, "hidden_sizes": [10**5, 10**5]}},
        {**tree, "hyper_parameters": {**settings, "n_inputs": 10**9}},
        {**tree, "hyper_parameters": {**settings, "hidden_sizes": [4] * 10**5}},
    ]
    contents = [saved(tree) for tree in harmful] + [pickle.dumps(tree) for tree in harmful[:3]]
    contents.append(with_bomb(CHECKPOINT.read_bytes()))
    report = judge_nets(iter(contents), tmp_path / "net.ckpt", mnist[1].images[:5])
    assert not report.failures, str(report)
    assert report.counts["sentence"] == len(contents)
    assert not made.exists()


def with_bomb(original: bytes) -> bytes:
    """The checkpoint with weights that are compressed a thousandfold, 4 GB of them."""
    source, file = zipfile.ZipFile(io.BytesIO(original)), io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name in source.namelist():
            with target.open(name, "w", force_zip64=True) as member:
                member.write(source.read(name))
                for _ in range(1000 if name.endswith("/data/0") else 0):
                    member.write(bytes(10**6))
    return file.getvalue()


def mutated_safetensors(rng: random.Random, count: int, original: bytes) -> Iterator[bytes]:
    """Yield files: bytes changed, or the header, or the settings in it."""
    (length,) = struct.unpack("<Q", original[:8])
    header, data = json.loads(original[8 : 8 + length]), original[8 + length :]
    for _ in range(count):
        kind, changed = rng.random(), dict(header)
        if kind < 0.3:
            yield mutated_bytes(rng, original)
            continue
        if kind < 0.5:
            changed = mutated_values(rng, header)
        elif kind < 0.9:
            settings = json.dumps(mutated_values(rng, json.loads(header["__metadata__"]["mnist_mlp"])))
            changed["__metadata__"] = {**header["__metadata__"], "mnist_mlp": settings}
        else:
            text = mutated_bytes(rng, header["__metadata__"]["mnist_mlp"].encode()).decode(errors="replace")
            changed["__metadata__"] = {**header["__metadata__"], "mnist_mlp": text}
        content = json.dumps(changed).encode()
        numbers = bytearray(data)
        if rng.random() < 0.2:
            at = rng.randrange(len(numbers) // 4) * 4
            numbers[at : at + 4] = struct.pack("<f", rng.choice([float("nan"), float("inf"), 1e38]))
        yield struct.pack("<Q", len(content)) + content + bytes(numbers)


def test_mutated_safetensors(count: int, tmp_path: Path, mnist: tuple[Examples, Examples]) -> None:
    inputs = mutated_safetensors(random.Random(f"{SEED} safetensors"), count, NET.read_bytes())
    report = judge_nets(inputs, tmp_path / "net.safetensors", mnist[1].images[:5])
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0
