"""Seconds per epoch as the examples, the width or the depth grow: this project and a plain autograd loop."""

from collections.abc import Mapping

from tests.benchmarks.measure import measure
from tests.benchmarks.report import ratio, seconds, table
from tests.benchmarks.work import Net


def _net(hidden: list[int], examples: int = 60_000) -> Net:
    return Net(hidden, batch_size=64, learning_rate=0.5, examples=examples, epoch=examples)


TABLES: Mapping[str, Mapping[str, Net]] = {
    "examples, 784-300-10": {f"{n:,}": _net([300], n) for n in (15_000, 30_000, 60_000)},
    "width m, 784-m-10": {str(m): _net([m]) for m in (32, 64, 128, 256, 512, 1_024, 2_048)},
    "hidden layers of 100": {str(depth): _net([100] * depth) for depth in range(1, 7)},
}


def run(rounds: int, epochs: int) -> bool:
    """Print the tables; return whether every row did the same work."""
    good = True
    for title, nets in TABLES.items():
        lines = []
        for label, net in nets.items():
            autograd, project = measure(net, ["autograd", "project"], rounds, epochs).values()
            good = good and project.fault is None and autograd.fault is None
            lines.append(
                [
                    label,
                    "FAULT" if project.fault else seconds(project.median),
                    "FAULT" if autograd.fault else seconds(autograd.median),
                    ratio(autograd.median, project.median),
                ]
            )
        print(table([title, "mnist_mlp in the Trainer, s", "bare autograd loop, s", "×"], lines), end="\n\n")
    print("Seconds per epoch, mini-batches of 64.")
    return good
