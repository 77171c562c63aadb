"""What the figures share, figures/style.py."""

from mnist_mlp.figures.style import format_decimals, format_short, format_two_digits, round_to_sum


def test_rounded_parts_add_up() -> None:
    """Three rounded thirds make 1. Only the part at the given index is adjusted."""
    assert round_to_sum([1 / 3, 1 / 3, 1 / 3], 1, adjusted=1) == [0.3, 0.4, 0.3]
    assert round_to_sum([-0.26, 0.26, 1.0], 1, adjusted=2) == [-0.3, 0.3, 1.0]


def test_number_formats() -> None:
    assert [format_decimals(value) for value in (-1.5, -0.0001, 2)] == ["−1.500", "0.000", "2.000"]
    assert [format_two_digits(value) for value in (-0.000449, 0.0, 123.4)] == ["−0.00045", "0.0", "123"]
    assert format_two_digits(-1.23e-9) == "−1.2e−09"
    assert [format_short(value) for value in (-3.0, 0.5)] == ["−3", "0.5"]
