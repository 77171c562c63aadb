"""The learning rate η of each weight update."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_mlp.schedule import Schedule, ScheduleName


def test_constant() -> None:
    schedule = Schedule("constant", 3.0)
    assert [schedule(t) for t in (0, 1, 10**6)] == [3.0, 3.0, 3.0]


def test_warm_up_rises_linearly_to_the_peak() -> None:
    schedule = Schedule("constant", 4.0, warmup_updates=4)
    assert [schedule(t) for t in range(6)] == [1.0, 2.0, 3.0, 4.0, 4.0, 4.0]


def test_cosine_by_hand() -> None:
    """Over 10 updates: the peak at the first, half of it in the middle, almost 0 at the last."""
    schedule = Schedule("cosine", 2.0, total_updates=10)
    assert schedule(0) == 2.0
    assert schedule(5) == pytest.approx(1.0)
    assert schedule(9) == pytest.approx(1 + math.cos(math.pi * 0.9))
    assert schedule(10) == pytest.approx(0.0)


def test_cosine_after_warm_up_uses_the_rest_of_the_run() -> None:
    schedule = Schedule("cosine", 2.0, total_updates=14, warmup_updates=4)
    assert schedule(4) == 2.0
    assert schedule(9) == pytest.approx(1.0)


def test_step_by_hand() -> None:
    schedule = Schedule("step", 8.0, warmup_updates=2, step_updates=3, step_factor=0.5)
    assert [schedule(t) for t in range(9)] == [4.0, 8.0, 8.0, 8.0, 8.0, 4.0, 4.0, 4.0, 2.0]


@given(
    name=st.sampled_from(["constant", "cosine", "step"]),
    peak=st.floats(0.001, 100),
    warmup=st.floats(0, 50),
    total=st.integers(1, 200),
    update=st.integers(0, 300),
)
def test_never_negative_never_above_the_peak(
    name: ScheduleName, peak: float, warmup: float, total: int, update: int
) -> None:
    schedule = Schedule(name, peak, total, warmup, step_updates=7, step_factor=0.3)
    assert 0 <= schedule(update) <= peak * (1 + 1e-12)
    if update >= warmup:
        assert schedule(update + 1) <= schedule(update) * (1 + 1e-12)


def test_warm_up_of_half_updates_and_of_less_than_one() -> None:
    """A warm-up may end between two updates. A warm-up shorter than one update has no effect."""
    assert [Schedule("constant", 5.0, warmup_updates=2.5)(t) for t in range(4)] == pytest.approx([2.0, 4.0, 5.0, 5.0])
    assert [Schedule("constant", 5.0, warmup_updates=0.5)(t) for t in range(2)] == [5.0, 5.0]


def test_cosine_with_warm_up_by_hand() -> None:
    """Warm-up over 2 of 6 updates, then half a cosine over the other 4: 1 + cos(0°, 45°, 90°, 135°)."""
    root = math.sqrt(2) / 2
    schedule = Schedule("cosine", 2.0, total_updates=6, warmup_updates=2)
    assert [schedule(t) for t in range(7)] == pytest.approx([1.0, 2.0, 2.0, 1 + root, 1.0, 1 - root, 0.0])


def test_a_run_shorter_than_its_warm_up_is_all_warm_up() -> None:
    assert [Schedule("cosine", 6.0, 3, 6)(t) for t in range(3)] == pytest.approx([1.0, 2.0, 3.0])


@given(
    name=st.sampled_from(["constant", "cosine"]),
    peak=st.floats(0.001, 100),
    warmup=st.floats(0, 50),
    more=st.integers(1, 200),
    update=st.integers(0, 300),
)
def test_no_jumps(name: ScheduleName, peak: float, warmup: float, more: int, update: int) -> None:
    """From one update to the next, η changes by no more than the slope of the line or of the cosine."""
    schedule = Schedule(name, peak, warmup + more, warmup)
    steepest = max(1 / max(warmup, 1), math.pi / 2 / more)
    assert abs(schedule(update + 1) - schedule(update)) <= peak * steepest * (1 + 1e-9) + 1e-12


@given(peak=st.floats(0.001, 100), every=st.integers(1, 40), factor=st.floats(0.01, 1), update=st.integers(0, 200))
def test_step_is_flat_between_steps(peak: float, every: int, factor: float, update: int) -> None:
    schedule = Schedule("step", peak, step_updates=every, step_factor=factor)
    ratio = factor if (update + 1) % every == 0 else 1.0
    assert schedule(update + 1) == pytest.approx(schedule(update) * ratio)
