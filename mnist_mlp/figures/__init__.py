"""The article's nine figures, computed from a trained net: `python -m mnist_mlp.figures` (README.md)."""
