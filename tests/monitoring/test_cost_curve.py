"""The logger's run folders, and the writers of its splits. tests/training reads the cost curve of real runs."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch.utils.tensorboard
from lightning.pytorch.utilities import rank_zero_only

from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from tests.monitoring.runs import read


def folders(save_dir: Path) -> list[str]:
    return sorted(path.name for path in save_dir.glob("lightning_logs/*"))


def make_folders(save_dir: Path, *names: str) -> None:
    for name in names:
        (save_dir / "lightning_logs" / name).mkdir(parents=True)


def test_runs_that_start_at_the_same_time_get_different_folders(tmp_path: Path) -> None:
    loggers = [CostCurveLogger(str(tmp_path)) for _ in range(8)]
    assert folders(tmp_path) == []  # a run that is refused before it logs leaves no folder
    barrier = threading.Barrier(len(loggers))

    def version(logger: CostCurveLogger) -> int | str:
        barrier.wait()
        return logger.version

    with ThreadPoolExecutor(len(loggers)) as pool:
        versions = list(pool.map(version, loggers))
    assert sorted(versions) == list(range(8))
    assert [logger.version for logger in loggers] == versions
    assert folders(tmp_path) == [f"version_{number}" for number in range(8)]


def test_another_run_claims_the_folder_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the list of the folders and the attempt to make the next one."""
    mkdir: Callable[..., None] = Path.mkdir

    def mkdir_second(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.name == "version_0":
            mkdir(path)
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", mkdir_second)
    assert CostCurveLogger(str(tmp_path)).version == 1


def test_the_next_version_follows_the_highest(tmp_path: Path) -> None:
    make_folders(tmp_path, "version_0", "version_7", "version_x", "other")
    (tmp_path / "lightning_logs/version_11").write_text("not a folder")
    first, second = CostCurveLogger(str(tmp_path)), CostCurveLogger(str(tmp_path))
    assert first.version == 8
    assert second.version == 9
    assert Path(first.log_dir) == tmp_path / "lightning_logs/version_8"
    assert Path(first.log_dir).is_dir()


def test_a_file_in_the_place_of_the_next_folder(tmp_path: Path) -> None:
    make_folders(tmp_path, "version_0")
    (tmp_path / "lightning_logs/version_1").write_text("not a folder")
    assert CostCurveLogger(str(tmp_path)).version == 2


@pytest.mark.parametrize("version", [3, "version_0", "mine"])
def test_a_given_version_stays(version: int | str, tmp_path: Path) -> None:
    """It may exist: a resumed run continues in its folder."""
    make_folders(tmp_path, "version_0")
    logger = CostCurveLogger(str(tmp_path), version=version)
    assert logger.version == version
    assert Path(logger.log_dir).name == ("version_3" if version == 3 else version)
    assert folders(tmp_path) == ["version_0"]


def test_only_rank_0_makes_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folders(tmp_path, "version_4")
    with monkeypatch.context() as patch:
        patch.setattr(rank_zero_only, "rank", 1)
        assert CostCurveLogger(str(tmp_path)).version == 5
    assert folders(tmp_path) == ["version_4"]
    assert CostCurveLogger(str(tmp_path)).version == 5
    assert folders(tmp_path) == ["version_4", "version_5"]


def test_metrics_of_other_callbacks_keep_their_names(tmp_path: Path) -> None:
    """They are in the run's folder, over weight updates. The test's figures are left to `log_outcome`."""
    logger = CostCurveLogger(str(tmp_path))
    logger.log_metrics({"weight_norm": 2.0, "mine/norm": 3.0, "epoch": 4}, step=9)
    logger.log_metrics({"test/cost": 0.5, "test/accuracy": 0.5, "test/predicted_classes": 10, "epoch": 4}, step=10)
    logger.log_metrics({"lr-SGD": 0.25}, step=10)  # without "epoch", as LearningRateMonitor logs it
    logger.finalize("success")
    events = read(Path(logger.log_dir))
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert scalars == {"weight_norm": [(10, 2.0)], "mine/norm": [(10, 3.0)], "lr-SGD": [(11, 0.25)]}


def test_all_writers_get_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's own writer and those of its splits flush after the same time."""
    made: dict[str, int] = {}

    class Noted(torch.utils.tensorboard.SummaryWriter):
        def __init__(self, log_dir: str, **options: Any) -> None:
            super().__init__(log_dir, **options)
            made[Path(log_dir).name] = self.flush_secs

    monkeypatch.setattr(torch.utils.tensorboard, "SummaryWriter", Noted)
    logger = CostCurveLogger(str(tmp_path), flush_secs=7, log_graph=True)
    logger.log_outcome({"seed": 0}, {"test/cost": 0.25})
    logger.log_metrics({"train/cost": 0.5, "val/cost": 0.25, "train/learning_rate": 8.0, "epoch": 2}, step=299)
    logger.log_metrics({"update/mini_batch_cost": 0.125, "epoch": 2}, step=9)
    logger.finalize("success")
    assert made == {"version_0": 7, "train": 7, "validation": 7}
    scalars = {
        (folder, tag): [(event.step, event.value) for event in events.Scalars(tag)]
        for folder in ("train", "validation")
        for events in [read(Path(logger.log_dir) / folder)]
        for tag in events.Tags()["scalars"]
    }
    assert scalars == {
        ("train", "1 by epoch/1 average cost"): [(3, 0.5)],
        ("train", "2 by weight update/1 average cost"): [(300, 0.5)],
        ("train", "1 by epoch/learning rate"): [(3, 8.0)],
        ("train", "2 by weight update/cost of a mini-batch"): [(10, 0.125)],
        ("validation", "1 by epoch/1 average cost"): [(3, 0.25)],
        ("validation", "2 by weight update/1 average cost"): [(300, 0.25)],
    }
