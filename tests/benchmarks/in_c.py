"""C: a fused loop on one core (in_c.c), compiled on the spot with -O3 -march=native."""

import ctypes
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.work import Array, Task, Trained, time_epochs

SOURCE = Path(__file__).with_name("in_c.c")


def train(task: Task) -> Trained:
    net = task.net
    run = _compiled().epoch
    weights = [(np.ascontiguousarray(w.T), b.copy()) for w, b in task.weights]  # by input neuron, as in_c.c
    sizes = np.array(net.sizes, np.int32)
    activations = [np.zeros((net.batch_size, size), np.float32) for size in net.sizes]
    deltas = [np.zeros_like(a) for a in activations]
    pointers = [_pointers(arrays) for arrays in ([w for w, _ in weights], [b for _, b in weights], activations, deltas)]
    images, targets = np.ascontiguousarray(task.images), np.ascontiguousarray(task.targets)

    def epoch(order: Array) -> None:
        indices = np.ascontiguousarray(order, np.int64)
        data = [array.ctypes.data_as(ctypes.c_void_p) for array in (images, targets, indices)]
        counts = [ctypes.c_int(len(indices)), ctypes.c_int(net.batch_size), ctypes.c_float(net.learning_rate)]
        size_array = sizes.ctypes.data_as(ctypes.c_void_p)
        run(ctypes.c_int(len(weights)), size_array, *pointers[:2], *data, *counts, *pointers[2:])

    return Trained(time_epochs(task, epoch), [(w.T, b) for w, b in weights])


def _compiled() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "in_c.so"
        flags = ["-O3", "-march=native", "-std=c99", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, "-o", str(library), str(SOURCE), "-lm"], check=True)
        return ctypes.CDLL(str(library))


def _pointers(arrays: list[Array]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
