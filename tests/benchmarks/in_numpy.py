"""numpy: back propagation one example at a time, as in network.py of Nielsen's book (chapter 1)."""

import numpy as np

from tests.benchmarks.work import Array, Task, Trained, Weights, time_epochs


def sigmoid(z: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-z))


def gradient(weights: Weights, x: Array, y: Array) -> Weights:
    """Return dC/dW and dC/db of each layer for one example, x (784, 1) and y (10, 1)."""
    activations = [x]
    for w, b in weights:
        activations.append(sigmoid(w @ activations[-1] + b))
    a = activations[-1]
    delta = 2 / len(y) * (a - y) * a * (1 - a)
    gradients: Weights = []
    for i in range(len(weights) - 1, -1, -1):
        below = activations[i]
        gradients.insert(0, (delta @ below.T, delta))
        if i:
            delta = (weights[i][0].T @ delta) * below * (1 - below)
    return gradients


def train(task: Task) -> Trained:
    net = task.net
    weights = [(w.copy(), b[:, None].copy()) for w, b in task.weights]
    images, targets = task.images[:, :, None], task.targets[:, :, None]

    def epoch(order: Array) -> None:
        for start in range(0, len(order), net.batch_size):
            batch = order[start : start + net.batch_size]
            sums = [(np.zeros_like(w), np.zeros_like(b)) for w, b in weights]
            for i in batch:
                for (sum_w, sum_b), (dw, db) in zip(sums, gradient(weights, images[i], targets[i]), strict=True):
                    sum_w += dw
                    sum_b += db
            step = np.float32(net.learning_rate / len(batch))
            for (w, b), (sum_w, sum_b) in zip(weights, sums, strict=True):
                w -= step * sum_w
                b -= step * sum_b

    return Trained(time_epochs(task, epoch), [(w, b[:, 0]) for w, b in weights])
