"""`python -m tests.trainer.table`: what trains our net with each callback and argument of the Trainer, from the cases.

With --write it replaces the tables in mnist_mlp/fast/README.md.
"""

import sys
from typing import get_args

from tests.command import ROOT
from tests.trainer.argument_cases import ARGUMENTS
from tests.trainer.callback_cases import CALLBACKS
from tests.trainer.case import Case, Outcome

README = ROOT / "mnist_mlp" / "fast" / "README.md"
BEGIN, END = "<!-- begin: python -m tests.trainer.table --write -->", "<!-- end -->"


def cell(cases: dict[str, list[Case]], outcome: Outcome) -> str:
    """Return the names with this outcome, with the values where a name has several outcomes or a value is refused."""
    names = []
    for name, of_name in sorted(cases.items(), key=lambda item: item[0].lower()):
        values = list(dict.fromkeys(case.value for case in of_name if case.outcome == outcome))
        accepted = {case.outcome for case in of_name} - {"refused"}
        shown = ", ".join(filter(None, values)) if len(accepted) > 1 or outcome == "refused" else ""
        if values:
            names.append(f"`{name}` ({shown})" if shown else f"`{name}`")
    return ", ".join(names)


def tables() -> str:
    """Return both tables in Markdown."""
    text = []
    for title, cases in (("callback", CALLBACKS), ("argument of Trainer", ARGUMENTS)):
        rows = [f"| {outcome} | {cell(cases, outcome)} |" for outcome in get_args(Outcome)]
        text.append("\n".join([f"| | {title} |", "|---|---|", *rows]))
    return "\n\n".join(text)


def readme(text: str) -> str:
    """Return the README with new tables.

    Raises:
        ValueError: it does not have the two markers.
    """
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(tables())
