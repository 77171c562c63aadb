"""Gradient descent as in backprop.py, tuned: in place, in buffers that are allocated once, three products per layer.

A weight update takes three matrix products per layer, of which the third adds its result straight into the weights.
Small nets spend their time on calls rather than on arithmetic, so every result is written in place.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.backprop import CostName, Layer

LANES = 16  # float32 numbers in a vector register of 512 bits


@torch.no_grad()
def gradient_descent(
    layers: Sequence[Layer],
    images: Tensor,
    targets: Tensor,
    learning_rates: Sequence[float],
    batch_size: int,
    dtype: torch.dtype | None = None,
    cost: CostName = "mse",
) -> Tensor:
    """Plain gradient descent, one weight update per mini-batch; changes `layers` in place.

    Args:
        layers: the net, first layer first.
        images: (N, n) the input neurons' activations; consecutive rows form the mini-batches. N may be 0.
        targets: (N, m) the wanted activations of the output neurons.
        learning_rates: η of each of the N / batch_size updates, rounded up.
        batch_size: B; the last mini-batch may be shorter.
        dtype: of the matrix products, if not that of the weights; the weights themselves keep theirs.
        cost: "mse"; or "cross_entropy", -1/(m B) Σ y ln a + (1 - y) ln(1 - a), for sigmoid outputs: there σ' cancels,
            δ^L = a^L - y, and the factor 2 of the gradients is 1.

    Returns:
        (N, m) the output activations of each example, as they were at the weights that it met.

    Raises:
        ValueError: there is not one learning rate for each mini-batch.
    """
    if len(learning_rates) != -(-len(images) // batch_size):
        raise ValueError(
            f"{len(images)} examples in mini-batches of {batch_size} take {-(-len(images) // batch_size)} weight "
            f"updates, each with a learning rate of its own; {len(learning_rates)} are given."
        )
    whole = len(images) // batch_size * batch_size
    outputs = []
    for part, B, rates in (
        (slice(0, whole), batch_size, learning_rates[: whole // batch_size]),
        (slice(whole, None), len(images) - whole, learning_rates[whole // batch_size :]),
    ):
        if rates:
            outputs.append(_equal_mini_batches(layers, images[part], targets[part], rates, B, dtype, cost))
    if not outputs:
        return torch.empty_like(targets)
    return torch.cat(outputs) if len(outputs) > 1 else outputs[0]


def _equal_mini_batches(
    layers: Sequence[Layer],
    images: Tensor,
    targets: Tensor,
    learning_rates: Sequence[float],
    B: int,
    dtype: torch.dtype | None,
    cost: CostName,
) -> Tensor:
    """`gradient_descent` where every mini-batch has B examples."""
    dtype = dtype or layers[0].weight.dtype
    m, P = targets.shape[1], _padded(B, images.device)
    images = images.to(dtype)
    rows = images.split(B)
    # Each mini-batch as columns: with P > B these are windows that reach into the next one, where there is one.
    columns = list(images.unfold(0, P, B).unbind()) if len(images) >= P else []
    columns += [F.pad(row, (0, 0, 0, P - B)).t() for row in rows[len(columns) :]]
    # Each mini-batch's targets and output activations are a contiguous (m, P) matrix.
    all_y = images.new_zeros(len(rows), m, P)
    all_y[:, :, :B] = targets.view(-1, B, m).transpose(1, 2)
    all_outputs = torch.empty_like(all_y)
    work = [_Work(layer, B, P, dtype) for layer in layers]
    output_layer = work[-1]
    factor = 2 if cost == "mse" else 1
    mm, addmm, sub = torch.mm, torch.addmm, torch.sub

    for x, x_t, y, output, eta in zip(columns, rows, all_y, all_outputs, learning_rates, strict=True):
        output_layer.a = output

        a = x
        for layer in work:  # forward propagation
            if layer.b is None:
                mm(layer.W, a, out=layer.a)
            else:
                addmm(layer.b, layer.W, a, out=layer.a)
            layer.activation.sigma_(layer.a)
            a = layer.a

        sub(output, y, out=output_layer.delta)  # the output layer's error
        if cost == "mse":
            output_layer.activation.times_sigma_prime_(output_layer.delta, output)

        step = -eta * factor / (m * B)
        for i in range(len(work) - 1, 0, -1):  # back propagation, from the last layer backwards
            layer, below = work[i], work[i - 1]
            mm(layer.W_t, layer.delta, out=below.delta)  # before W changes
            below.activation.times_sigma_prime_(below.delta, below.a)
            layer.update(below.a_t, step)
        work[0].update(x_t, step)
    return all_outputs[:, :, :B].transpose(1, 2).reshape(-1, m)


def _padded(B: int, device: torch.device) -> int:
    """How many columns the activations of B examples are computed in.

    A processor's matrix product of few columns is fastest where they fill its vector registers: 16 columns take less
    time than 10. What the others hold is left out of the gradient.
    """
    return LANES if device.type == "cpu" and LANES // 2 <= B < LANES else B


class _Work:
    """A layer at work: its weights, and the buffers that hold its a and δ, (m, P) each, B of their columns in use."""

    def __init__(self, layer: Layer, B: int, P: int, dtype: torch.dtype) -> None:
        self.weight, self.bias = layer.weight, layer.bias
        self.activation = ACTIVATIONS[layer.activation]
        self.in_low_precision = dtype != layer.weight.dtype
        # W and b as the matrix products take them: the weights themselves, or a copy of lower precision.
        self.W = layer.weight.to(dtype)
        self.W_t = self.W.t()
        self.b = None if layer.bias is None else layer.bias.to(dtype)[:, None]
        self.a = layer.weight.new_empty(len(layer.weight), P, dtype=dtype)
        self.delta = torch.empty_like(self.a)
        self.a_t, self.delta_in_use = self.a[:, :B].t(), self.delta[:, :B]
        self.ones = self.a.new_ones(B)
        self.gradient = torch.empty_like(self.W) if self.in_low_precision else None

    def update(self, a_below_t: Tensor, step: float) -> None:
        """w(t+1) = w(t) - η dC/dw, where `step` is -η 2/(m B) and a_below_t (B, n) the input, transposed."""
        if self.gradient is None:
            self.weight.addmm_(self.delta_in_use, a_below_t, alpha=step)
            if self.bias is not None:
                self.bias.addmv_(self.delta_in_use, self.ones, alpha=step)
            return
        torch.mm(self.delta_in_use, a_below_t, out=self.gradient)
        self.weight.add_(self.gradient, alpha=step)
        self.W.copy_(self.weight)
        if self.bias is not None:
            assert self.b is not None
            self.bias.add_(self.delta_in_use.sum(1, dtype=self.bias.dtype), alpha=step)
            self.b.copy_(self.bias[:, None])
