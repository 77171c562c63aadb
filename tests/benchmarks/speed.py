"""Seconds per epoch of every row on the three nets."""

from collections.abc import Mapping, Sequence

from tests.benchmarks.measure import Measured, measure
from tests.benchmarks.report import ratio, seconds, table
from tests.benchmarks.rows import ROWS
from tests.benchmarks.work import NETS


def run(nets: Sequence[str], rows: Sequence[str] | None, rounds: int, epochs: int) -> bool:
    """Print the table; return whether every row did the same work."""
    names = [name for name in ROWS if rows is None or name in rows]
    skipped = {name: ROWS[name].missing for name in names if ROWS[name].missing}
    names = [name for name in names if name not in skipped]
    results = {
        net: measure(NETS[net], [n for n in names if rows is not None or net in ROWS[n].nets], rounds, epochs)
        for net in nets
    }
    print(_table(results))
    print(
        "\nTraining only: seconds per epoch of 60,000 images, or of the number in the table's head; median of "
        f"{rounds} rounds. ×: relative to mnist_mlp in the Trainer in the same precision."
    )
    print(_spread(results))
    for name, missing in skipped.items():
        print(f"\nSkipped: {ROWS[name].title}; not installed: {', '.join(missing)}.")
    faults = [(net, name, m.fault) for net, result in results.items() for name, m in result.items() if m.fault]
    for net, name, fault in faults:
        print(f"\nFAULT: {ROWS[name].title} on {NETS[net]}: {fault}")
    return not faults


def _table(results: Mapping[str, Mapping[str, Measured]]) -> str:
    head = ["same net, same cost, plain SGD"]
    for net in results:
        head += [str(NETS[net]), "×"]
    lines = []
    for name in ROWS:
        if not any(name in result for result in results.values()):
            continue
        line = [ROWS[name].title]
        for result in results.values():
            line += _cells(name, result)
        lines.append(line)
    return table(head, lines)


def _spread(results: Mapping[str, Mapping[str, Measured]]) -> str:
    """Return a sentence on how much the times varied."""
    spreads = [
        (max(m.seconds) / min(m.seconds), name, net)
        for net, result in results.items()
        for name, m in result.items()
        if m.seconds
    ]
    if not spreads:
        return ""
    spread, name, net = max(spreads)
    return f"A row's slowest epoch took up to {spread:.2f} times as long as its fastest ({name}, {net})."


def _cells(name: str, result: Mapping[str, Measured]) -> list[str]:
    """Return the cells with seconds and ratio of one row on one net."""
    base = result.get("project-bf16" if name.endswith("-bf16") else "project")
    if name not in result:
        return ["", ""]
    if result[name].fault is not None:
        return ["FAULT", ""]
    return [seconds(result[name].median), ratio(result[name].median, base.median if base else None)]
