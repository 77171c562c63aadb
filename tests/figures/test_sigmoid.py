"""Figure 6, figures/sigmoid.py."""

import pytest

from mnist_mlp.figures.sigmoid import compute_sigmoids


def test_weight_and_bias_of_the_sigmoid() -> None:
    """σ(w x) is 1/2 at 0, with slope w/4. σ(x + b) is 1/2 at -b."""
    curves = compute_sigmoids()
    step = float(curves.x[1] - curves.x[0])
    middle = len(curves.x) // 2
    assert float(curves.x[middle]) == 0
    for w, a in curves.by_weight.items():
        assert float(a[middle]) == 0.5
        assert float(a[middle + 1] - a[middle - 1]) / (2 * step) == pytest.approx(w / 4, rel=0.01)
    for b, a in curves.by_bias.items():
        assert float(a[int((curves.x + b).abs().argmin())]) == pytest.approx(0.5)
    assert len(curves.by_weight) == len(curves.by_bias) == 3
