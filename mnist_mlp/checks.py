"""Checks of settings that Python code or a file passes. Each raises an InputError that says what to give instead.

The values may be of any type: those in a file may be damaged.
"""

import numbers
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any, get_args

from mnist_mlp.activations import ActivationName
from mnist_mlp.backprop import CostName
from mnist_mlp.errors import InputError
from mnist_mlp.initialization import InitName
from mnist_mlp.schedule import ScheduleName


def check_net_settings(settings: Mapping[str, Any]) -> None:
    """Check the arguments of SigmoidMLP.

    Raises:
        InputError: a value is out of range or does not go with another one.
    """
    check_hidden_sizes(settings["hidden_sizes"])
    check_choice("activation", settings["activation"], get_args(ActivationName))
    check_choice("output_activation", settings["output_activation"], get_args(ActivationName))
    check_choice("cost_function", settings["cost_function"], get_args(CostName))
    check_targets(settings["target_values"], settings["cost_function"], settings["output_activation"])
    check_choice("lr_schedule", settings["lr_schedule"], get_args(ScheduleName))
    check_choice("init", settings["init"], get_args(InitName))
    check_positive("learning_rate", settings["learning_rate"], "try 1, or 10 for small nets")
    check_positive("lr_step_epochs", settings["lr_step_epochs"], "give a number of epochs")
    check_positive("lr_step_factor", settings["lr_step_factor"], "give a factor such as 0.5")
    check_not_negative("lr_warmup_epochs", settings["lr_warmup_epochs"], "give a number of epochs, 0 or more")
    check_flag("bias", settings["bias"])
    n_inputs, n_outputs = settings["n_inputs"], settings["n_outputs"]
    if not (is_whole(n_inputs) and is_whole(n_outputs) and n_inputs >= 1 and n_outputs >= 1):
        raise InputError(
            f"n_inputs is {shown(n_inputs)} and n_outputs {shown(n_outputs)}; give a number of neurons, 1 or more."
        )


def check_data_settings(batch_size: int | str, val_size: int, pixel_range: tuple[float, float]) -> None:
    """Check the arguments of MNISTData that no other class checks.

    Raises:
        InputError: a value is out of range.
    """
    if not (isinstance(batch_size, str) and batch_size == "full") and not (is_whole(batch_size) and batch_size >= 1):  # type: ignore[operator]
        raise InputError(f"batch_size is {shown(batch_size)}; give 1 or more, or 'full'.")
    if not (is_whole(val_size) and val_size >= 0):
        raise InputError(f"val_size is {shown(val_size)}; give 0 or more.")
    if not is_pair(pixel_range) or pixel_range[0] == pixel_range[1]:
        raise InputError(f"pixel_range is {shown_list(pixel_range)}; give two different numbers, such as [0, 1].")


def check_hidden_sizes(sizes: Sequence[int]) -> None:
    """Each size is a whole number, 1 or more."""
    is_list = isinstance(sizes, Sequence) and not isinstance(sizes, str)
    if not is_list or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise InputError(
            f"hidden_sizes is {shown_list(sizes)}; give a list of numbers of neurons, each 1 or more, such as [300]."
        )


def check_targets(values: tuple[float, float], cost_function: str, output_activation: str) -> None:
    """The two target values are in order and suit the cost function."""
    if not is_pair(values) or values[0] >= values[1]:
        raise InputError(f"target_values is {shown_list(values)}; give two numbers, the lower first, such as [0, 1].")
    off, on = values
    if cost_function == "cross_entropy" and (output_activation != "sigmoid" or off < 0 or on > 1):
        raise InputError(
            "cost_function is cross_entropy, which compares numbers from 0 to 1; it goes with output_activation "
            "sigmoid and target_values from 0 to 1."
        )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """The value is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} is {shown(value, repr)}; choose one of {', '.join(choices)}.")


def check_flag(name: str, value: bool) -> None:
    """The value is true or false."""
    if not isinstance(value, (bool, int)) or value not in (0, 1):
        raise InputError(f"{name} is {shown(value)}; give true or false.")


def check_not_negative(name: str, value: float, hint: str) -> None:
    """The value is a finite number, 0 or more."""
    if not (is_finite(value) and value >= 0):
        raise InputError(f"{name} is {shown(value)}; {hint}.")


def check_positive(name: str, value: float, hint: str) -> None:
    """The value is a finite number above 0."""
    if not (is_finite(value) and value > 0):
        raise InputError(f"{name} is {shown(value)}; it must be a number above 0: {hint}.")


def check_range(name: str, value: float, below_limit: bool, hint: str) -> None:
    """The value is a finite number, 0 or more, and below a limit that the caller has compared it with."""
    if not (is_finite(value) and value >= 0 and below_limit):
        raise InputError(f"{name} is {shown(value)}; give {hint}.")


def is_finite(value: Any) -> bool:
    """Whether the value is a number that float32 can hold."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return bool(abs(value) < 3 * 10**38)  # type: ignore[operator]  # false for NaN


def is_whole(value: Any) -> bool:
    """Whether the value is a whole number of at most 64 bits."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and -(2**63) <= int(value) < 2**63


def is_pair(values: Any) -> bool:
    """Whether these are two finite numbers."""
    return isinstance(values, Sequence) and len(values) == 2 and all(is_finite(value) for value in values)


def shown(value: Any, form: Any = str) -> str:
    """Return the value as a message shows it: on one line and not too long."""
    try:
        return shorten(form(value), 100, placeholder="...")
    except (ValueError, RecursionError):  # a number of thousands of digits; a list that contains itself
        return f"a {type(value).__name__}"


def shown_list(values: Any) -> str:
    """Return a list or a tuple as a message shows it, any other value as it is."""
    return shown(list(values) if isinstance(values, tuple) else values)
