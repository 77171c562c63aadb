"""The results table, measured: `python -m mnist_mlp.results`."""
