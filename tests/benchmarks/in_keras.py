"""Keras 3 with `fit`, on the backend in KERAS_BACKEND. Keras shuffles the images itself."""

import time
from typing import Any

import keras

from tests.benchmarks.work import SEED, Task, Trained


def train(task: Task) -> Trained:
    keras.utils.set_random_seed(SEED)
    net = task.net
    model = keras.Sequential(
        [keras.Input((784,)), *(keras.layers.Dense(m, activation="sigmoid") for m in net.sizes[1:])]
    )
    model.set_weights([array for w, b in task.weights for array in (w.T, b)])
    model.compile(optimizer=keras.optimizers.SGD(net.learning_rate), loss="mse", jit_compile=True)

    moments: list[float] = []

    def note(*_: Any) -> None:
        moments.append(time.perf_counter())

    used = task.orders[0]
    model.fit(
        task.images[used],
        task.targets[used],
        batch_size=net.batch_size,
        epochs=len(task.orders),
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=note, on_train_end=note)],
    )
    arrays = model.get_weights()
    weights = [(w.T, b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)]
    return Trained([end - begin for begin, end in zip(moments, moments[1:], strict=False)], weights)
