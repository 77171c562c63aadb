"""A page to draw digits on: `python -m mnist_mlp.demo` (README.md)."""
