"""The benchmark's command measures rows in processes, and its check detects rows that do different work."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import in_c, in_numpy, in_torch, measure, start
from tests.benchmarks.__main__ import main
from tests.benchmarks.check import CheckKind, disagreement
from tests.benchmarks.rows import REFERENCE, ROWS, Row, Run, run_row
from tests.benchmarks.work import NETS, Net, Outcome, Task, outcome, prepare, read
from tests.tools import need

TINY = Net([8], batch_size=10, learning_rate=3.0, examples=1_000, epoch=1_000)
TWICE_AS_FAST = replace(TINY, learning_rate=2 * TINY.learning_rate)
QUICK = ["--nets", "tiny", "--rounds", "1", "--epochs", "1"]


@pytest.fixture(autouse=True)
def tiny_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETS, "tiny", TINY)


def test_the_command_prints_a_table(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs real rows in real processes, among them the project with its Trainer. Missing packages are named."""
    monkeypatch.setattr(measure, "REFERENCE", "numpy")  # the same work to rounding, in a process that starts sooner
    monkeypatch.setitem(ROWS, "absent", Row("a row", "in_absent:train", needs=("no_such_package",)))
    assert main([*QUICK, "--rows", "numpy", "project", "absent"]) == 0
    printed = capfd.readouterr().out
    for name in ("numpy", "project"):
        line = next(line for line in printed.splitlines() if line.startswith(f"| {ROWS[name].title} |"))
        took, times = (float(cell) for cell in line.split("|")[2:4])
        assert took > 0
        assert times > 0
    assert "Skipped: a row; not installed: no_such_package." in printed
    assert f"`python -m tests.benchmarks {' '.join(QUICK)} --rows numpy project absent`" in printed


def test_the_command_reports_different_work(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If a row uses another learning rate or fails, it gets no time, and the exit code is 1."""

    def run_at_another_rate(name: str, task: Path) -> Run:
        if name == REFERENCE:
            return run_row("numpy", task)  # as above
        if name == "numpy":
            task = tmp_path / "other.npz"
            prepare(TWICE_AS_FAST, 2, task)
        return run_row(name, task)

    monkeypatch.setattr(measure, "run_row", run_at_another_rate)
    monkeypatch.setitem(ROWS, "broken", Row("a broken row", "in_numpy:no_such_function"))
    assert main([*QUICK, "--rows", "numpy", "broken"]) == 1
    printed = capfd.readouterr().out
    assert f"| {ROWS['numpy'].title} | FAULT |  |" in printed
    assert "did different work: cost is" in printed
    assert "| a broken row | FAULT |  |" in printed


def test_the_time_and_test_accuracy_of_a_process() -> None:
    timed = start._time(["-c", "import time; time.sleep(0.2); print('test accuracy 98.25% (error 1.75%)')"])
    assert timed.accuracy == 98.25
    assert timed.seconds > 0.2
    with pytest.raises(RuntimeError, match="no such figure"):
        start._time(["-c", "import sys; sys.exit('no such figure')"])


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    path = tmp_path_factory.mktemp("task") / "task.npz"
    prepare(TINY, 3, path)
    return read(path)


def trained(task: Task) -> Outcome:
    weights = in_torch.closed_form(task).weights
    assert weights is not None
    return outcome(task, weights)


@pytest.mark.parametrize("kind", ["exact", "bf16", "shuffled"])
def test_the_check_can_fail(task: Task, kind: CheckKind) -> None:
    """It accepts equal work. It rejects another learning rate, batch size or number of epochs, NaN, and no training."""
    right = trained(task)
    assert disagreement(right, right, kind) is None
    different_work = {
        "learning rate": task._replace(net=replace(TINY, learning_rate=1.1 * TINY.learning_rate)),
        "mini-batches": task._replace(net=replace(TINY, batch_size=2 * TINY.batch_size)),
        "epochs": task._replace(orders=task.orders[:2]),
    }
    for name, other in different_work.items():
        assert disagreement(trained(other), right, kind) is not None, name
    assert disagreement(outcome(task, task.weights), right, kind) is not None
    assert disagreement(right._replace(cost=float("nan")), right, kind) is not None


def test_only_the_check_of_shuffled_rows_accepts_another_order(tmp_path: Path) -> None:
    """There are enough images that the order hardly matters."""
    prepare(replace(NETS["small"], examples=20_000), 2, tmp_path / "task.npz")
    task = read(tmp_path / "task.npz")
    rng = np.random.default_rng(0)
    other = task._replace(orders=np.stack([rng.permutation(order) for order in task.orders]))
    one, another = trained(task), trained(other)
    assert disagreement(another, one, "shuffled") is None
    assert disagreement(another, one, "exact") is not None


def test_autograd_and_numpy_do_the_same_work(task: Task) -> None:
    """The reference agrees with back propagation one example at a time in numpy."""
    reference, numpy = (outcome(task, row(task).weights or []) for row in (in_torch.autograd, in_numpy.train))
    assert disagreement(numpy, reference, "exact") is None


def test_c_does_the_same_work(tmp_path: Path) -> None:
    """With two hidden layers, and a last mini-batch that is smaller."""
    need("cc")
    prepare(replace(TINY, hidden=[8, 5], batch_size=30), 2, tmp_path / "task.npz")
    task = read(tmp_path / "task.npz")
    reference, c = (outcome(task, row(task).weights or []) for row in (in_numpy.train, in_c.train))
    assert disagreement(c, reference, "exact") is None


def test_the_initial_weights_can_learn(task: Task) -> None:
    """If nothing changed in training, all rows would agree trivially."""
    before, after = outcome(task, task.weights), trained(task)
    assert before.moved == [0.0, 0.0]
    assert after.accuracy > before.accuracy + 0.2
