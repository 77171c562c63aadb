"""The results table: measuring, keeping, resuming and showing runs."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from mnist_mlp.errors import InputError
from mnist_mlp.results.__main__ import results
from mnist_mlp.results.measure import _config, commit, measure, seconds_trained
from mnist_mlp.results.table import ROWS, Measured, Row, read_csv, table, write_csv
from tests.tools import missing

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


def a_run(row: str = "nielsen-30", seed: int = 0, error: float = 5.0, best: float | None = None) -> Measured:
    return Measured(row, seed, error, best, 29, 30, 150_000, 12.5, "a processor, 2 cores", "abc1234", "2026-11-24")


def test_the_file_keeps_the_measured_runs(tmp_path: Path) -> None:
    """Sorted by row and seed. Names may have commas, figures may be missing."""
    path = tmp_path / "results.csv"
    runs = [a_run(seed=1, best=4.5), a_run("lecun98-300", error=1.9), a_run(seed=0)]
    assert read_csv(path) == []
    write_csv(path, runs)
    assert read_csv(path) == [runs[2], runs[0], runs[1]]


@pytest.mark.parametrize("content", ["", "row,seed\nnielsen-30,zero\n", "something else\nentirely\n"])
def test_another_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(content)
    if content:
        with pytest.raises(InputError, match=r"results\.csv is not a table"):
            results(["--csv", str(path), "--table"])
    assert path.read_text() == content


def test_the_table_shows_the_median_and_the_range() -> None:
    runs = [a_run(seed=s, error=e, best=e - 0.5) for s, e in ((0, 5.0), (1, 4.0), (2, 4.25))]
    line = table(runs).splitlines()[2]
    assert "| 4.58% |" in line  # as published
    assert "**4.25% (4.00 to 5.00, 3 seeds)**" in line
    assert "3.75% (3.50 to 4.50, 3 seeds)" in line
    assert line.endswith("| 30 | 12 s | a processor, 2 cores | abc1234 |")


def test_an_unknown_row_is_named() -> None:
    with pytest.raises(InputError, match="no row nilsen; the rows are default, speedrun, nielsen-30"):
        results(["--rows", "nilsen"])


@pytest.mark.parametrize("seed", ["-1", "4294967296", "one"])
def test_a_seed_out_of_range_is_refused(seed: str) -> None:
    with pytest.raises(InputError, match=f"--seeds is '{seed}'; it takes a whole number from 0 to 4294967295"):
        results(["--seeds", "0", seed])


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is quickly measured, and one whose runs fail."""
    config = {
        "trainer": {"max_epochs": 2, "accelerator": "cpu"},
        "model": {"hidden_sizes": [16]},
        "data": {"val_size": 58_000, "batch_size": 16},
    }
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tiny.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "configs" / "failing.yaml").write_text("model: {hidden_sizes: [-1]}\n")
    monkeypatch.setattr("mnist_mlp.results.measure._config", lambda name: tmp_path / "configs" / f"{name}.yaml")
    for name in ("tiny", "failing"):
        monkeypatch.setitem(ROWS, name, Row("784-16-10"))


@pytest.mark.usefixtures("tiny")
def test_a_row_is_run_resumed_and_not_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the real training command. An interrupted run is resumed from its last.ckpt."""
    monkeypatch.setitem(ROWS, "tiny", Row("784-16-10", 12.5, at_best_on_test=True))
    options = ["--rows", "tiny", "--seeds", "3", "--csv", str(tmp_path / "r.csv"), "--runs", str(tmp_path / "runs")]
    results(options)
    (run,) = read_csv(tmp_path / "r.csv")
    assert (run.row, run.seed, run.epochs, run.updates) == ("tiny", 3, 2, 250)
    assert 5 < run.error < 40
    assert run.best_on_test is not None
    assert run.best_on_test <= run.error
    assert f"**{run.error:.2f}% (1 seed)**" in capsys.readouterr().out
    assert not list((tmp_path / "runs").rglob("epoch=*.ckpt"))

    monkeypatch.setattr("mnist_mlp.results.measure.subprocess.Popen", None)  # a measured run is not started again
    results(options)
    monkeypatch.undo()

    monkeypatch.setitem(ROWS, "tiny", Row("784-16-10"))
    again = measure("tiny", 3, tmp_path / "runs")  # resumes from last.ckpt, with no epoch left to train
    assert (again.error, again.updates) == (run.error, run.updates)


@pytest.mark.usefixtures("tiny")
def test_runs_side_by_side(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """All lines say which run they are of. A run that fails ends the command, after those that have begun."""
    options = ["--csv", str(tmp_path / "r.csv"), "--runs", str(tmp_path / "runs"), "--jobs", "2", "--seeds", "0"]
    with pytest.raises(InputError, match="the run of failing with seed 0 failed"):
        results(["--rows", "failing", "tiny", *options])
    (run,) = read_csv(tmp_path / "r.csv")
    assert (run.row, run.seed) == ("tiny", 0)
    assert run.machine.endswith(", 2 runs at once")
    assert "tiny, seed 0: epoch   1/2  train cost" in capfd.readouterr().err


def test_time_of_a_resumed_run(tmp_path: Path) -> None:
    """The sum over its processes, without the time between them."""
    for start, end in ((1000, 1100.0), (5000, 5060.0), (9000, 9001.0)):
        file = tmp_path / f"events.out.tfevents.{start}.host.1.0"
        file.touch()
        os.utime(file, (end, end))
    assert seconds_trained(tmp_path, until=9007.0) == 100 + 60 + 7
    assert seconds_trained(tmp_path / "nothing", until=9007.0) == 0


def test_configs_readme_shows_the_table_of_the_file() -> None:
    measured = read_csv(CONFIGS / "results.csv")
    assert measured
    assert table(measured) in (CONFIGS / "README.md").read_text()


def test_every_row_has_a_config() -> None:
    """The config's net is the one in the table. A comment at the top gives the source of the published figure."""
    for name in ROWS:
        text = (CONFIGS / f"{name}.yaml").read_text()
        assert text.startswith("# ")
        sizes = yaml.safe_load(text)["model"]["hidden_sizes"]
        net = re.match(r"[\d-]+", ROWS[name].net)
        assert net is not None
        assert "-".join(map(str, [784, *sizes, 10])) == net[0]


def test_configs_are_found_in_the_checkout() -> None:
    assert _config("default") == CONFIGS / "default.yaml"


def test_the_commit_is_named() -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    if head.returncode != 0:
        missing("not a git checkout")
    assert head.stdout.startswith(commit().rstrip("+"))
