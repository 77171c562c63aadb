"""The environment of the measured processes."""

import os
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def _hiding_tensorflow() -> "tempfile.TemporaryDirectory[str]":
    folder = tempfile.TemporaryDirectory(prefix="benchmark")
    Path(folder.name, "tensorflow.py").write_text("raise ImportError('hidden by the benchmark')\n")
    return folder


def child_environment(keras_backend: str | None = None) -> dict[str, str]:
    """Return this process's environment variables, with this checkout on PYTHONPATH and TensorFlow hidden.

    TensorBoard imports TensorFlow if it is installed, which takes seconds. Only Keras on TensorFlow gets to see it.
    """
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2")
    if keras_backend is not None:
        environment["KERAS_BACKEND"] = keras_backend
    path = [str(ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    if keras_backend != "tensorflow":
        path.insert(0, _hiding_tensorflow().name)
    environment["PYTHONPATH"] = os.pathsep.join(path)
    return environment
