"""Seeded mutations: of bytes, and of the values in nested dicts and lists."""

import copy
import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Path = tuple[Any, ...]

EXTREMES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1]
VALUES: list[Callable[[], Any]] = [
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 1,
    lambda: 7,
    lambda: 10**6,
    lambda: 2**63,
    lambda: -(2**70),
    lambda: 10**400,
    lambda: 0.5,
    lambda: -0.5,
    lambda: 1e300,
    lambda: float("nan"),
    lambda: float("inf"),
    lambda: -float("inf"),
    lambda: "",
    lambda: "nan",
    lambda: "sigmoid",
    lambda: "a" * 10_000,
    lambda: "\0/../x\nη",
    lambda: [],
    lambda: {},
    lambda: [[[]]],
    lambda: [1, 2],
    lambda: [10**6],
    lambda: [10**9, 10**9],
    lambda: [1] * 10_000,
    lambda: [float("nan"), 1.0],
    lambda: {"a": {"b": 1}},
    lambda: {1: 7.5, 7: float("nan")},
]
TENSORS: list[Callable[[], Any]] = [
    lambda: torch.tensor(float("nan")),
    lambda: torch.tensor([]),
    lambda: torch.zeros(3, 4),
    lambda: torch.zeros(1).expand(10**10),
    lambda: torch.zeros(1).expand(10**5, 784),
    lambda: torch.tensor([1 + 2j]),
    lambda: torch.tensor(True),
    lambda: torch.zeros(2, 2).to_sparse(),
    lambda: torch.empty(4, 784, device="meta"),
]


def mutated_bytes(rng: random.Random, content: bytes) -> bytes:
    """Return a copy of the content with one to three changes."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(min(len(data), 64) if rng.random() < 0.5 else len(data)) if data else 0
        length = rng.choice([1, 4, 64, 1000])
        kind = rng.randrange(8)
        if kind == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at:at] = rng.randbytes(length)
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at : at + length] = bytes(len(data[at : at + length]))
        elif kind == 5:
            data[at:at] = data[at : at + length]
        elif kind == 6:
            width = rng.choice([1, 2, 4, 8])
            number = rng.choice(EXTREMES) % 256**width
            data[at : at + width] = number.to_bytes(width, rng.choice(["little", "big"]))
        else:
            data += rng.randbytes(length)
    return bytes(data)


def mutated_values(rng: random.Random, tree: Any, tensors: bool = False) -> Any:
    """Return a copy of nested dicts and lists with one or two changes: keys, types, values, shapes."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice([1, 1, 1, 2])):
        places = list(_places(tree))
        if not places:
            break
        holder, key = rng.choice(places)
        _change(rng, holder, key, tensors)
    return tree


def _places(tree: Any) -> Any:
    """Yield all pairs of a dict or list and one of its keys."""
    if isinstance(tree, (dict, list)):
        for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
            yield tree, key
            yield from _places(value)


def _change(rng: random.Random, holder: Any, key: Any, tensors: bool) -> None:
    value, kind = holder[key], rng.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice([f"{key}x", "", 3, str(key).upper()])] = holder.pop(key)
    elif kind == 2 and isinstance(value, (int, float)) and abs(value) < 2**63:
        holder[key] = rng.choice([-value, value + 1, value * 1000, float(value), str(value), [value]])
    elif kind in (2, 3) and isinstance(value, Tensor):
        holder[key] = _changed_tensor(rng, value)
    elif kind == 4 and tensors:
        holder[key] = rng.choice(TENSORS)()
    elif kind == 5 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(value))
    elif kind == 6:
        holder[key] = _nested(rng.choice([3, 50, 400]), rng.choice([dict, list]))
    else:
        holder[key] = rng.choice(VALUES)()


def _changed_tensor(rng: random.Random, tensor: Tensor) -> Any:
    plain = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta
    if not plain or tensor.is_complex() or tensor.numel() > 10**6:
        return None
    changed = tensor.clone()
    if changed.is_floating_point() and changed.numel():
        number = rng.choice([float("nan"), float("inf"), -float("inf"), 1e38])
        changed.view(-1)[rng.randrange(changed.numel())] = number
    turned = changed.mT if changed.ndim > 1 else changed.tolist()
    choices: list[Any] = [changed, changed.double(), changed.half(), changed.flatten(), turned, changed[None]]
    choices += [changed.tolist(), changed.bool(), changed.to(torch.complex64), changed[None][:0]]
    return rng.choice(choices)


def _nested(depth: int, kind: type) -> Any:
    tree: Any = 1
    for _ in range(depth):
        tree = {"a": tree} if kind is dict else [tree]
    return tree
