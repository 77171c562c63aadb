"""configs/EXPERIMENTS.md: ten experiments, whose commands run."""

import re
import shlex
from pathlib import Path

import pytest

from mnist_mlp.data.dataset import cache_dir, unpack_mnist
from tests.command import ROOT, RunHere

PARTS = ["```sh\n", "**Question.** ", "**Look at** ", "<details><summary>Answer</summary>\n\n", "\n\n</details>\n"]
SMALL = [
    *["--data.val_size", "59900", "--trainer.max_epochs", "1", "--trainer.limit_val_batches", "1"],
    *["--trainer.limit_test_batches", "1", "--trainer.accelerator", "cpu", "--pictures", "false"],
]


def experiments() -> dict[str, str]:
    """The text of each experiment, by its heading."""
    _, *sections = re.split(r"^## ", (ROOT / "configs" / "EXPERIMENTS.md").read_text(encoding="utf-8"), flags=re.M)
    return {section.partition("\n")[0]: section for section in sections}


def command(experiment: str) -> list[str]:
    """The words of its command."""
    (line,) = re.findall(r"```sh\n(.*)\n```", experiment)
    return shlex.split(line)


TRAINED = [name for name, text in experiments().items() if "mnist_mlp.train" in command(text)]


def test_ten_experiments_have_one_command_one_question_and_a_folded_answer() -> None:
    assert [name.partition(". ")[0] for name in experiments()] == [str(number) for number in range(1, 11)]
    for text in experiments().values():
        places = [text.index(part) for part in PARTS]
        assert places == sorted(places)
        assert all(text.count(part) == 1 for part in PARTS)
    assert len(TRAINED) == 9


@pytest.mark.parametrize("name", TRAINED)
def test_the_command_trains(name: str, run_here: RunHere, tmp_path: Path) -> None:
    """On 100 images. MNIST's files serve as those of FashionMNIST."""
    python, option, module, *options = command(experiments()[name])
    assert (python, option, module) == ("python", "-m", "mnist_mlp.train")
    if "FashionMNIST" in options:
        raw = tmp_path / "clothes" / "FashionMNIST" / "raw"
        raw.parent.mkdir(parents=True)
        raw.symlink_to(unpack_mnist(cache_dir()) / "MNIST" / "raw", target_is_directory=True)
        options += ["--data.data_dir", str(tmp_path / "clothes")]
    result = run_here(*options, *SMALL)
    assert result.returncode == 0, result.stderr
    assert "test accuracy" in result.stdout
    assert (tmp_path / "lightning_logs" / "version_0" / "outcome.json").is_file()


def test_an_empty_sheet_fools_the_net(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a 1, with the activation that the answer states."""
    text = experiments()["10. Fooling the net"]
    python, option, program = command(text)
    assert (python, option) == ("python", "-c")
    exec(program, {})
    numbers = [float(number) for number in re.findall(r"\d\.[\de+-]+", capsys.readouterr().out)]
    stated = re.search(r"answers (\d), with an activation of (0\.\d+)", text)
    assert stated is not None
    assert len(numbers) == 10
    assert numbers.index(max(numbers)) == int(stated[1])
    assert max(numbers) == pytest.approx(float(stated[2]), abs=0.002)
