"""The results table of configs/README.md, measured: `python -m mnist_mlp.results`."""
