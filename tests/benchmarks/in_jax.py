"""JAX: the whole epoch is one jitted lax.scan."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.benchmarks.work import Array, Task, Trained, time_epochs

Params = list[tuple[jax.Array, jax.Array]]


def cost(params: Params, x: jax.Array, y: jax.Array) -> jax.Array:
    a = x
    for w, b in params:
        a = jax.nn.sigmoid(a @ w + b)
    return jnp.mean(jnp.square(a - y))


def train(task: Task) -> Trained:
    net = task.net
    images, targets = jnp.asarray(task.images), jnp.asarray(task.targets)
    whole = net.examples // net.batch_size * net.batch_size

    @partial(jax.jit, donate_argnums=0)
    def run(params: Params, images: jax.Array, targets: jax.Array, order: jax.Array) -> Params:
        def update(params: Params, batch: jax.Array) -> tuple[Params, None]:
            gradients = jax.grad(cost)(params, images[batch], targets[batch])
            return jax.tree.map(lambda w, dw: w - net.learning_rate * dw, params, gradients), None

        params, _ = lax.scan(update, params, order[:whole].reshape(-1, net.batch_size))
        if whole < len(order):
            params, _ = update(params, order[whole:])
        return params

    params: Params = [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in task.weights]

    def epoch(order: Array) -> None:
        nonlocal params
        params = jax.block_until_ready(run(params, images, targets, jnp.asarray(order)))

    seconds = time_epochs(task, epoch)
    return Trained(seconds, [(np.asarray(w).T, np.asarray(b)) for w, b in params])
