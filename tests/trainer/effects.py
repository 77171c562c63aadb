"""Effects that the documentation of Lightning promises, as checks of a run."""

from collections.abc import Callable
from typing import Any

import torch

from tests.trainer.case import Ran
from tests.trainer.runs import BATCHES, EPOCHS, weights, without_arguments

Check = Callable[[Ran], None]


def at_updates(updates: int) -> Check:
    """The run makes this number of weight updates."""

    def check(ran: Ran) -> None:
        assert ran.updates == updates, ran.updates

    return check


def validates_at(*updates: int) -> Check:
    """The run validates after these numbers of weight updates."""

    def check(ran: Ran) -> None:
        assert ran.seen.validations == list(updates)

    return check


def batches(**numbers: int) -> Check:
    """The run, then `Trainer.test` and `Trainer.predict`, take these numbers of batches."""

    def check(ran: Ran) -> None:
        if "test" in numbers:
            ran.trainer.test(ran.net, datamodule=ran.data, verbose=False)
        if "predict" in numbers:
            ran.trainer.predict(ran.net, datamodule=ran.data)
        for name, number in numbers.items():
            assert ran.seen.batches[name] == number, name

    return check


def mode(name: str, on: bool = True) -> Check:
    """A mode of PyTorch is on during the run."""

    def check(ran: Ran) -> None:
        assert ran.seen.modes[name] is on

    return check


def dtype(expected: torch.dtype) -> Check:
    """The weights have this type."""

    def check(ran: Ran) -> None:
        assert {parameter.dtype for parameter in ran.net.parameters()} == {expected}

    return check


def logged(name: str, every: int = 0) -> Check:
    """Values whose name contains `name` are logged; with `every`, at each weight update of that number."""

    def check(ran: Ran) -> None:
        values: list[dict[int, Any]] = [values for key, values in ran.logger.logged.items() if name in key]
        assert values
        if every:
            assert list(values[0]) == list(range(every - 1, EPOCHS * BATCHES, every))

    return check


def prints(text: str) -> Check:
    """The text is printed."""

    def check(ran: Ran) -> None:
        assert text in ran.printed

    return check


def files(*names: str) -> Check:
    """The run's folder has these files, at any depth."""

    def check(ran: Ran) -> None:
        assert set(names) <= {path.name for path in ran.folder.rglob("*")}

    return check


def changes_weights(ran: Ran) -> None:
    """The weights differ from those of a run without the case's arguments."""
    assert not torch.allclose(weights(ran.net), without_arguments(), rtol=0, atol=1e-4)


def changes_nothing(ran: Ran) -> None:
    """The weights are those of a run without the case's arguments."""
    torch.testing.assert_close(weights(ran.net), without_arguments(), rtol=0, atol=1e-6)


def loads(times: int) -> Check:
    """The training loader is made this often."""

    def check(ran: Ran) -> None:
        assert ran.seen.loads == times

    return check


def logs_settings(on: bool) -> Check:
    """The logger gets the net's settings."""

    def check(ran: Ran) -> None:
        assert ("learning_rate" in ran.logger.hyperparameters) is on

    return check


def profiles(ran: Ran) -> None:
    """The profiler writes its report."""
    assert "run_training_epoch" in (ran.folder / "fit-profile.txt").read_text()


def both(*checks: Check) -> Check:
    def check(ran: Ran) -> None:
        for one in checks:
            one(ran)

    return check
