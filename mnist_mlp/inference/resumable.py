"""Whether a checkpoint holds what Lightning and resume.py restore, checked before anything is restored.

Lightning restores counters and states without looking at them, so that a damaged one would show only later, as an error
somewhere in the training or as other numbers. A form says what a value must be: a predicate, a dict of forms for keys
that must be there (a key that ends with "?" may be missing), or a list of forms.
"""

import math
from pathlib import PurePath
from typing import Any

import torch
from packaging.version import InvalidVersion, Version
from torch import Tensor, nn

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.errors import InputError
from mnist_mlp.model import N_OUTPUTS
from mnist_mlp.resume import METRICS_KEY

KNOWN_BEFORE = Version("2.7")  # the versions of Lightning whose checkpoints have the forms below


def is_count(value: Any) -> bool:
    """Whether it is a number that a counter can have."""
    return type(value) is int and 0 <= value < 2**53


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_rate(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1e300  # false for NaN


def _is_seed(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 2**64)


def _is_score(value: Any) -> bool:
    """Whether it is a metric, of which infinity stands for the worst value; None before the first one."""
    if isinstance(value, Tensor):
        return value.numel() == 1 and not value.is_complex() and not bool(value.isnan())
    return value is None or (type(value) in (int, float) and not math.isnan(value))


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value and len(PurePath(value).name.encode(errors="replace")) < 256


def _is_version(value: Any) -> bool:
    try:
        return isinstance(value, str) and Version(value).release >= (2,)
    except InvalidVersion:
        return False


def _is_position(value: Any) -> bool:
    """Whether it is the place in an epoch, as MNISTData keeps it."""
    if value is None:
        return True
    if not isinstance(value, dict) or value.keys() != {"made", "updates"} or not all(map(is_count, value.values())):
        return False
    return bool(value["made"] <= value["updates"])


def _is_names(value: Any) -> bool:
    """Whether it holds the names of classes."""
    return isinstance(value, (list, tuple)) and len(value) <= N_OUTPUTS and all(isinstance(n, str) for n in value)


def _is_progress(value: Any) -> bool:
    """Whether it holds the counters of an epoch or of batches, in order: an epoch is not completed before it starts."""
    if not isinstance(value, dict):
        return False
    counts = [value.get(name) for name in ("completed", "processed", "started", "ready")]
    return all(is_count(n) for n in counts) and sorted(counts) == counts  # type: ignore[type-var]


def _is_models(value: Any) -> bool:
    """Whether it holds the metric of each of the best checkpoints, by path."""
    return isinstance(value, dict) and all(_is_path(k) and v is not None and _is_score(v) for k, v in value.items())


def _has_no_state(value: Any) -> bool:
    """Whether it is the state of SGD without momentum: nothing for each parameter."""
    return isinstance(value, dict) and all(isinstance(s, dict) and not any(s.values()) for s in value.values())


_EVENTS = {"ready": is_count, "completed": is_count}
_STARTED = {**_EVENTS, "started": is_count}
_PROGRESS = {"total": _is_progress, "current": _is_progress}
# The parts of the training loop's state, by the end of their names.
_LOOP = {
    "epoch_progress": _PROGRESS,
    "batch_progress": {**_PROGRESS, "is_last_batch": _is_flag},
    "optim_progress": {
        "optimizer": {
            "step": {"total": _EVENTS, "current": _EVENTS},
            "zero_grad": {"total": _STARTED, "current": _STARTED},
        }
    },
    "optim_step_progress": {"total": _EVENTS, "current": _EVENTS},
    "scheduler_progress": {"total": _EVENTS, "current": _EVENTS},
    "state_dict": {"_batches_that_stepped?": is_count},
}
# Those that must be there: the end of the name, and how many loops it lies within.
_LOOP_PARTS = {("batch_progress", 1), ("optim_progress", 2), ("scheduler_progress", 1), ("state_dict", 1)}
_SCHEDULER = {
    "base_lrs": [_is_rate],
    "last_epoch": is_count,
    "_step_count": is_count,
    "_last_lr": [_is_rate],
    "lr_lambdas": [lambda value: value is None or value == {}],
    "_is_initial?": _is_flag,
    "_get_lr_called_within_step?": _is_flag,
    "verbose?": _is_flag,
}
_RUN = {
    "epoch": is_count,
    "global_step": is_count,
    "pytorch-lightning_version": _is_version,
    "loops": {"fit_loop": {}},
    "optimizer_states": [{"state": _has_no_state, "param_groups": list}],
    "lr_schedulers": [_SCHEDULER],
    "callbacks?": {},
    f"{MNISTData.__qualname__}?": {"shuffle_seed": _is_seed, "position": _is_position, "class_names?": _is_names},
}
_CALLBACKS = {  # by the end of the callback's name
    "Checkpoint": {
        **dict.fromkeys(("best_model_path", "kth_best_model_path", "last_model_path"), _is_path),
        **dict.fromkeys(("best_model_score", "current_score?", "kth_value"), _is_score),
        "best_k_models": _is_models,
        "dirpath?": lambda value: value is None or isinstance(value, str),
    },
    "EarlyStopping": {
        **dict.fromkeys(("wait_count", "stopped_epoch", "patience"), is_count),
        "best_score": _is_score,
    },
}


def check_resumable(checkpoint: dict[str, Any], model: nn.Module, path: Any) -> None:
    """Check everything in a checkpoint that a resumed run restores, except the weights.

    Raises:
        InputError: a part is missing, damaged or out of range.
    """
    missing = [name for name in ("loops", "optimizer_states", "lr_schedulers") if name not in checkpoint]
    if missing:
        raise InputError(f"{path} holds weights, but no {missing[0]} to resume a run from; give its last.ckpt.")
    wrong = _misfit(checkpoint, _RUN)
    # A later version may arrange its counters in another way.
    if wrong is None and Version(checkpoint["pytorch-lightning_version"]) < KNOWN_BEFORE:
        wrong = _wrong_loop(checkpoint) or _wrong_epoch(checkpoint) or _wrong_optimizer(checkpoint, model)
    for name, state in checkpoint.get("callbacks", {}).items() if wrong is None else ():
        forms = [form for end, form in _CALLBACKS.items() if str(name).partition("{")[0].endswith(end)]
        if any(_misfit(state, form) is not None for form in (*forms, {})) or not _knows_its_worst(state):
            wrong = f"callbacks.{name}"
    if wrong is None and METRICS_KEY in checkpoint:
        wrong = _wrong_metrics(checkpoint[METRICS_KEY], model)
    if wrong is not None:
        name = wrong if len(wrong) < 200 else f"{wrong[:200]}..."
        raise InputError(
            f"{path} cannot be resumed: its {name!r} is damaged, out of range or of another version; "
            "give another checkpoint."
        )


def _knows_its_worst(state: dict[str, Any]) -> bool:
    """Whether the worst of the best checkpoints is one of them. Before there is one, its metric is infinite."""
    worst, metric = state.get("kth_best_model_path"), state.get("kth_value")
    if worst:
        return worst in state.get("best_k_models", ())
    return metric is None or not math.isfinite(float(metric))


def _misfit(value: Any, form: Any) -> str | None:
    """Return the place of the first value that does not have its form; "" for the value itself."""
    if isinstance(form, dict):
        if not isinstance(value, dict):
            return ""
        for key, inner in form.items():
            name = str(key).removesuffix("?")
            if name not in value:
                if key == name:
                    return name
            elif (place := _misfit(value[name], inner)) is not None:
                return f"{name}.{place}".rstrip(".")
        return None
    if isinstance(form, list):
        if not isinstance(value, list) or len(value) != len(form):
            return ""
        for item, inner in zip(value, form, strict=True):
            if (place := _misfit(item, inner)) is not None:
                return place
        return None
    return None if form is list or form(value) else ""


def _is_same(value: Any, expected: Any) -> bool:
    """Whether the numbers are equal. A tensor among them is not: a comparison with it could be of any shape."""
    if isinstance(expected, list):
        same_length = isinstance(value, list) and len(value) == len(expected)
        return same_length and all(map(_is_same, value, expected))
    return isinstance(value, (bool, int, float)) and value == expected


def _wrong_loop(checkpoint: dict[str, Any]) -> str | None:
    """The training loop's counters are complete and have their forms."""
    if (wrong := _misfit(checkpoint["loops"]["fit_loop"], {"epoch_progress": _PROGRESS})) is not None:
        return f"loops.fit_loop.{wrong}"
    found = set()
    for name, state in checkpoint["loops"]["fit_loop"].items():
        end = str(name).rpartition(".")[2]
        found.add((end, str(name).count(".")))
        if end in _LOOP and _misfit(state, _LOOP[end]) is not None:
            return f"loops.fit_loop.{name}"
    return None if found >= _LOOP_PARTS else "loops.fit_loop"


def _wrong_epoch(checkpoint: dict[str, Any]) -> str | None:
    """The number of the epoch agrees with the loop's counter, which is one ahead at the end of an epoch."""
    processed = checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]
    return None if 0 <= processed - checkpoint["epoch"] <= 1 else "epoch"


def _wrong_optimizer(checkpoint: dict[str, Any], model: nn.Module) -> str | None:
    """The optimizer is plain gradient descent for all parameters; resume.py sets its learning rate anew."""
    groups = checkpoint["optimizer_states"][0]["param_groups"]
    expected = torch.optim.SGD(model.parameters(), lr=1.0).state_dict()["param_groups"][0]
    if not isinstance(groups, list) or len(groups) != 1 or not isinstance(groups[0], dict):
        return "optimizer_states"
    group = groups[0]
    rates = [group.get("lr"), group.get("initial_lr", 1.0)]
    needed = {"params", "lr", "momentum", "dampening", "weight_decay"}
    same = needed <= group.keys() and all(
        _is_same(group.get(name, value), value)
        for name, value in expected.items()
        if name not in ("lr", "foreach", "fused")
    )
    options = all(group.get(name) is None or _is_flag(group[name]) for name in ("foreach", "fused"))
    return None if same and options and all(map(_is_rate, rates)) else "optimizer_states"


def _wrong_metrics(state: Any, model: nn.Module) -> str | None:
    """The sums of the training metrics have the shapes of the net's own."""
    expected: dict[str, Tensor] = model.train_metrics.state()  # type: ignore[union-attr,operator]
    fits = isinstance(state, dict) and all(
        isinstance(state.get(name), Tensor)
        and state[name].shape == value.shape
        and state[name].dtype == value.dtype
        and bool((state[name] >= 0).all())
        and bool(state[name].isfinite().all())
        for name, value in expected.items()
    )
    return None if fits else METRICS_KEY
