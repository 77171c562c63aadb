"""The README files: their links, the places of the article's ideas, and their commands."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from mnist_mlp.training.cli import TrainCLI
from tests.command import FEW_IMAGES, ROOT, run_train

README = ROOT / "README.md"
PAGES = [README, *(ROOT / "configs").glob("*.md"), *(ROOT / "mnist_mlp").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]
TERMS = [  # of the article
    *["input neurons", "activation a", "weight w", "bias b", "weighted sum z", "sigmoid", "cost of one example"],
    *["average cost", "epoch", "learning rate", "gradient descent", "back propagation", "gradient dC/dw"],
]


def anchor(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file that exists, and a heading in it, if it names one."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            assert heading in map(anchor, headings), link


def test_each_idea_of_the_article_has_a_place() -> None:
    """README's table names it once; each name beside it is defined in the file that follows it."""
    table = README.read_text().partition("## The article's ideas, and where they are\n")[2].partition("\nRead ")[0]
    rows = [row.strip("|").split("|") for row in table.strip().splitlines()[2:]]
    for term in TERMS:
        assert sum(term in idea for idea, _ in rows) == 1, term
    for idea, places in rows:
        found = re.findall(r"((?:`\w+`(?:, )?)+) in \[\S+\]\((\S+\.py)\)", places)
        assert found or "README.md" in places, idea
        for names, file in found:
            code = (ROOT / file).read_text()
            for name in re.findall(r"`(\w+)`", names):
                assert re.search(rf"^ *(?:def|class) {name}\b|^{name}(?::.*)? = ", code, re.MULTILINE), (
                    f"{name} in {file}"
                )


def test_each_promise_has_its_test() -> None:
    """The table in tests/README.md names files and functions that exist."""
    rows = re.findall(r"^\| [^*|]+ \| (`.*`) \|$", (ROOT / "tests" / "README.md").read_text(), re.MULTILINE)
    assert rows
    for file, _, function in (name.partition("::") for row in rows for name in re.findall(r"`(.+?)`", row)):
        code = (ROOT / "tests" / file).read_text()
        assert f"def {function or 'test_'}" in code, file


def train_commands() -> list[str]:
    """Every `python -m mnist_mlp.train` with options in a code block of a README file."""
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)]
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("python -m mnist_mlp.train --") and "--help" not in line})


@pytest.mark.parametrize("command", train_commands())
def test_train_commands_are_understood(command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each option and value of a command in a README file is one that the command takes."""
    options = shlex.split(command)[3:]
    monkeypatch.chdir(ROOT)
    if "--ckpt_path" in options or "--print_config" in options:  # needs a run; prints and ends
        return
    cli = TrainCLI([*options, "--trainer.logger", "false", "--trainer.default_root_dir", str(tmp_path)])
    assert yaml.safe_load(cli.parser.dump(cli.config))["model"]


def test_the_printed_lines_are_those_of_a_run(tmp_path: Path) -> None:
    """README shows what the first command prints: the same lines, whatever their numbers."""
    shown = README.read_text().partition("## What the first command prints\n\n```\n")[2].partition("```")[0]
    printed = run_train(tmp_path, *FEW_IMAGES, "--trainer.max_epochs", "2", "--trainer.accelerator", "cpu").stdout

    def shape(line: str) -> str:
        return re.sub(r"\d[\d.,]*", "N", re.sub(r"\s+", " ", line))

    lines = [shape(line) for line in shown.splitlines() if line != "..."]
    assert lines == [shape(line) for line in printed.splitlines()]
