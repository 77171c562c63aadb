"""Checks of settings that Python code passes. Each raises an InputError that says what to give instead."""

import math
from collections.abc import Mapping
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
    n_inputs, n_outputs = settings["n_inputs"], settings["n_outputs"]
    if n_inputs < 1 or n_outputs < 1:
        raise InputError(f"n_inputs is {n_inputs} and n_outputs {n_outputs}; give a number of neurons, 1 or more.")


def check_data_settings(batch_size: int | str, val_size: int, pixel_range: tuple[float, float]) -> None:
    """Check the arguments of MNISTData that no other class checks.

    Raises:
        InputError: a value is out of range.
    """
    if batch_size != "full" and (isinstance(batch_size, str) or batch_size < 1):
        raise InputError(f"batch_size is {batch_size}; give 1 or more, or 'full'.")
    if val_size < 0:
        raise InputError(f"val_size is {val_size}; give 0 or more.")
    paper, ink = pixel_range
    if not (math.isfinite(paper) and math.isfinite(ink) and paper != ink):
        raise InputError(f"pixel_range is {[paper, ink]}; give two different numbers, such as [0, 1].")


def check_hidden_sizes(sizes: list[int]) -> None:
    """Each size is a whole number, 1 or more."""
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise InputError(
            f"hidden_sizes is {list(sizes)}; give a list of numbers of neurons, each 1 or more, such as [300]."
        )


def check_targets(values: tuple[float, float], cost_function: str, output_activation: str) -> None:
    """The two target values are in order and suit the cost function."""
    off, on = values
    if not (math.isfinite(off) and math.isfinite(on) and off < on):
        raise InputError(f"target_values is {[off, on]}; give two numbers, the lower first, such as [0, 1].")
    if cost_function == "cross_entropy" and (output_activation != "sigmoid" or off < 0 or on > 1):
        raise InputError(
            "cost_function is cross_entropy, which compares numbers from 0 to 1; it goes with output_activation "
            "sigmoid and target_values from 0 to 1."
        )


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """The value is one of the choices."""
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")


def check_not_negative(name: str, value: float, hint: str) -> None:
    """The value is a finite number, 0 or more."""
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{name} is {value}; {hint}.")


def check_positive(name: str, value: float, hint: str) -> None:
    """The value is a finite number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} is {value}; it must be a number above 0: {hint}.")


def check_range(name: str, value: float, below_limit: bool, hint: str) -> None:
    """The value is a finite number, 0 or more, and below a limit that the caller has compared it with."""
    if not (math.isfinite(value) and value >= 0 and below_limit):
        raise InputError(f"{name} is {value}; give {hint}.")
