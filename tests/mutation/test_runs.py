"""Damaged files in a run's folder: settings and outcome for the list of runs, snapshots and curves for the page."""

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save
from torch.utils.tensorboard import SummaryWriter

from mnist_mlp.demo.stages import COST, cost_curve, stages
from mnist_mlp.inference.trained import Trained
from mnist_mlp.runs import as_text, runs_in
from tests.mutation.conftest import SEED
from tests.mutation.judge import judge
from tests.mutation.mutate import mutated_bytes, mutated_values
from tests.mutation.test_config import LAUGHS, written

OUTCOME = {"epochs": 3, "seconds": 1.5, "test_accuracy": 0.95}


def test_mutated_settings_and_outcomes(count: int, tmp_path: Path, small_run: Path) -> None:
    run = tmp_path / "lightning_logs" / "version_0"
    run.mkdir(parents=True)
    config, outcome = run / "config.yaml", run / "outcome.json"
    settings = yaml.safe_load((small_run.parent.parent / "config.yaml").read_text())
    rng = random.Random(f"{SEED} runs")

    def inputs() -> Iterator[tuple[bytes, bytes]]:
        yield f"{LAUGHS}model: {{hidden_sizes: *a12}}\n".encode(), b"[" * 100_000
        for _ in range(count):
            text, result = yaml.safe_dump(settings), json.dumps(OUTCOME)
            kind = rng.randrange(4)
            if kind == 0:
                yield mutated_bytes(rng, text.encode()), result.encode()
            elif kind == 1:
                yield written(mutated_values(rng, settings)).encode(), result.encode()
            elif kind == 2:
                yield text.encode(), mutated_bytes(rng, result.encode())
            else:
                yield text.encode(), json.dumps(mutated_values(rng, OUTCOME)).encode()

    def read(contents: tuple[bytes, bytes]) -> None:
        config.write_bytes(contents[0])
        outcome.write_bytes(contents[1])
        (found,) = runs_in(run.parent)
        assert found.accuracy is None or 0 <= found.accuracy <= 1, "an accuracy that is none"
        assert len(as_text([found, found._replace(settings={})])) < 100_000

    report = judge(inputs(), read)
    print("runs", report)
    assert not report.failures, str(report)


def test_mutated_snapshots_and_curves(count: int, tmp_path: Path, small_net: Trained) -> None:
    snapshot, train = tmp_path / "snapshots" / "epoch_0001.safetensors", tmp_path / "train"
    snapshot.parent.mkdir()
    weights = save({name: value.half() for name, value in small_net.net.state_dict().items()}, {"epoch": "1"})
    with SummaryWriter(str(train)) as writer:
        for epoch in range(1, 4):
            writer.add_scalar(COST, 1 / epoch, epoch)
    (events,) = train.iterdir()
    curve = events.read_bytes()
    rng = random.Random(f"{SEED} way")

    def read(contents: tuple[bytes, bytes]) -> None:
        snapshot.write_bytes(contents[0])
        events.write_bytes(contents[1])
        shapes: dict[str, Any] = {name: value.shape for name, value in small_net.net.state_dict().items()}
        for stage in stages(tmp_path, small_net.net, besides=2):
            assert {name: value.shape for name, value in stage.weights.items()} == shapes
        for points in (cost_curve(tmp_path) or {}).values():
            assert all(math.isfinite(cost) for _, cost in points)

    def inputs() -> Iterator[tuple[bytes, bytes]]:
        for _ in range(count // 2):
            yield mutated_bytes(rng, weights), curve
            yield weights, mutated_bytes(rng, curve)

    report = judge(inputs(), read)
    print("snapshots and curves", report)
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
