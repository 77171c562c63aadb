"""PyTorch without Lightning: autograd, this project's fast/kernels.py called directly, and matrix products alone."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_mlp.backprop import Layer
from mnist_mlp.fast.kernels import gradient_descent
from tests.benchmarks.work import Array, Net, Task, Trained, Weights, time_epochs

SQUARE = 2_048  # rows and columns of a large matrix


def sequential(task: Task) -> nn.Sequential:
    """Return the net as PyTorch modules with the task's initial weights."""
    layers: list[nn.Module] = []
    for (m, n), (w, b) in zip(task.net.shapes, task.weights, strict=True):
        layer = nn.Linear(n, m)
        layer.load_state_dict({"weight": torch.from_numpy(w), "bias": torch.from_numpy(b)})
        layers += [layer, nn.Sigmoid()]
    return nn.Sequential(*layers)


def weights_of(net: nn.Module) -> Weights:
    """Return W and b of each layer."""
    linear = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    return [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in linear]


def autograd(task: Task) -> Trained:
    net = sequential(task)
    optimizer = torch.optim.SGD(net.parameters(), lr=task.net.learning_rate)
    images, targets = torch.from_numpy(task.images), torch.from_numpy(task.targets)

    def epoch(order: Array) -> None:
        for batch in torch.from_numpy(order).split(task.net.batch_size):
            cost = F.mse_loss(net(images[batch]), targets[batch])
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

    return Trained(time_epochs(task, epoch), weights_of(net))


def closed_form(task: Task, dtype: torch.dtype | None = None) -> Trained:
    """Train by `gradient_descent` on blocks of the same size as in the Trainer."""
    from mnist_mlp.fast.eligibility import EXAMPLES_PER_BLOCK
    from mnist_mlp.fast.updates import threads_for  # imports Lightning, which the other rows do without

    net, B = sequential(task), task.net.batch_size
    layers = [Layer(layer.weight, layer.bias, "sigmoid") for layer in net if isinstance(layer, nn.Linear)]
    images, targets = torch.from_numpy(task.images), torch.from_numpy(task.targets)

    def epoch(order: Array) -> None:
        for block in torch.from_numpy(order).split(max(1, EXAMPLES_PER_BLOCK // B) * B):
            rates = [task.net.learning_rate] * -(-len(block) // B)
            with threads_for(layers, B):
                gradient_descent(layers, images[block], targets[block], rates, B, dtype)

    return Trained(time_epochs(task, epoch), weights_of(net))


def closed_form_bf16(task: Task) -> Trained:
    return closed_form(task, torch.bfloat16)


def products(task: Task, dtype: torch.dtype = torch.float32) -> Trained:
    """Time the matrix products of an epoch, on fixed random numbers. The faster of two memory layouts counts."""
    updates = task.net.examples / task.net.batch_size

    def fastest(_: Array) -> float:
        return min(_seconds(run, round(updates)) for run in (by_columns, by_rows))

    by_columns, by_rows = _mini_batch_products(task.net, dtype)
    return Trained([fastest(order) for order in task.orders], None)


def products_bf16(task: Task) -> Trained:
    return products(task, torch.bfloat16)


def _mini_batch_products(net: Net, dtype: torch.dtype) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return two functions that compute a mini-batch's products: with examples as columns, and as rows."""
    B = net.batch_size
    a = [torch.rand(n, B).to(dtype) for n in net.sizes]
    W = [torch.rand(m, n).to(dtype) for m, n in net.shapes]
    gradient = [torch.empty_like(w) for w in W]
    a_rows, W_rows = [x.t().contiguous() for x in a], [w.t().contiguous() for w in W]
    gradient_rows = [torch.empty_like(w) for w in W_rows]
    out, out_rows = [torch.empty_like(x) for x in a], [torch.empty_like(x) for x in a_rows]

    def by_columns() -> None:
        for i, w in enumerate(W):
            torch.mm(w, a[i], out=out[i + 1])
        for i in range(len(W) - 1, -1, -1):
            if i:
                torch.mm(W[i].t(), a[i + 1], out=out[i])
            torch.mm(a[i + 1], a[i].t(), out=gradient[i])

    def by_rows() -> None:
        for i, w in enumerate(W_rows):
            torch.mm(a_rows[i], w, out=out_rows[i + 1])
        for i in range(len(W_rows) - 1, -1, -1):
            if i:
                torch.mm(a_rows[i + 1], W_rows[i].t(), out=out_rows[i])
            torch.mm(a_rows[i].t(), a_rows[i + 1], out=gradient_rows[i])

    return by_columns, by_rows


def square(task: Task, dtype: torch.dtype = torch.float32) -> Trained:
    """Time the arithmetic of an epoch at the speed of one large square matrix product."""
    a, b = torch.rand(SQUARE, SQUARE).to(dtype), torch.rand(SQUARE, SQUARE).to(dtype)
    out = torch.empty_like(a)
    times = 4
    rates = [2 * SQUARE**3 * times / _seconds(lambda: torch.mm(a, b, out=out), times) for _ in task.orders]
    return Trained([task.net.flop / rate for rate in rates], None)


def square_bf16(task: Task) -> Trained:
    return square(task, torch.bfloat16)


def _seconds(run: Callable[[], Tensor | None], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        run()
    return time.perf_counter() - began
