"""A web page to draw digits on: `python -m mnist_mlp.demo` (demo/README.md)."""
