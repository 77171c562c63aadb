"""The two engines are one training: same seed, same trajectory; and the Trainer sees every weight update."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.errors import InputError
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.kernels import gradient_descent
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.training.progress import Progress, Speed
from mnist_mlp.training.watchdogs import CollapseWatch, CostWatch
from tests.command import QUIET

pytestmark = pytest.mark.usefixtures("read_once", "blocks_of_320")
ENGINES: tuple[EngineName, ...] = ("closed_form", "autograd")


@pytest.fixture
def blocks_of_320(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an epoch of 2,000 images has several blocks, of which the last is shorter."""
    monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_BLOCK", 320)


class InMemory(Logger):
    """Keeps what it is given: {name: {step: value}}."""

    def __init__(self) -> None:
        super().__init__()
        self.logged: dict[str, dict[int, float]] = {}

    name = "in memory"
    version = 0

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for key, value in metrics.items():
            assert step is not None
            self.logged.setdefault(key, {})[step] = float(value)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass


class Run(NamedTuple):
    model: FastSigmoidMLP
    trainer: L.Trainer
    logged: dict[str, dict[int, float]]


def train(
    engine: EngineName,
    batch_size: int = 16,
    net: dict[str, Any] | None = None,
    kind: type[FastSigmoidMLP] = FastSigmoidMLP,
    prepare: Callable[[FastSigmoidMLP], object] = lambda model: None,
    ckpt_path: Path | None = None,
    **trainer: Any,
) -> Run:
    """Two epochs, unless told otherwise, over 2,000 real images: 125 updates each in mini-batches of 16."""
    L.seed_everything(3, verbose=False)
    model = kind(
        **{"hidden_sizes": [12], "learning_rate": 8.0, "lr_warmup_epochs": 0.5, "engine": engine, **(net or {})}
    )
    prepare(model)
    logger = InMemory()
    short = {"max_epochs": 2, "log_every_n_steps": 10, "limit_val_batches": 1}
    made = L.Trainer(**{**QUIET, **short, "logger": logger, **trainer})
    data = MNISTData(batch_size=batch_size, val_size=58_000)
    made.fit(model, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
    return Run(model, made, logger.logged)


def assert_same_weights(one: FastSigmoidMLP, other: FastSigmoidMLP, rtol: float = 0.0, atol: float = 0.0) -> None:
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


LECUN98 = {
    "activation": "scaled_tanh",
    "output_activation": "scaled_tanh",
    "target_values": (-1.0, 1.0),
    "init": "lecun98",
    "learning_rate": 0.5,
}


@pytest.mark.parametrize(
    ("batch_size", "net"),
    [
        (16, {}),
        (48, {"activation": "tanh", "lr_schedule": "step", "lr_step_epochs": 0.5, "learning_rate": 3.0}),  # short last
        (48, {"hidden_sizes": [20, 12], "bias": False, "lr_schedule": "constant"}),
        (100, {"hidden_sizes": [], "activation": "identity"}),
        (100, LECUN98),
        (16, {"cost_function": "cross_entropy", "learning_rate": 1.0}),
    ],
)
def test_same_seed_same_trajectory(batch_size: int, net: dict[str, Any]) -> None:
    """Weights, logged costs, learning rates and their places on the axis, all to rounding in float64."""
    by = {engine: train(engine, batch_size, net, precision="64-true") for engine in ENGINES}
    (one, trainer, logged), (other, plain_trainer, plainly_logged) = by["closed_form"], by["autograd"]
    assert trainer.global_step == plain_trainer.global_step == 2 * -(-2000 // batch_size)
    assert trainer.num_training_batches < plain_trainer.num_training_batches  # it did work in blocks
    assert_same_weights(one, other, rtol=1e-6, atol=1e-9)
    for name in ("update/mini_batch_cost", "update/learning_rate", "train/cost", "train/accuracy", "val/cost"):
        assert list(logged[name]) == list(plainly_logged[name]), name
        assert list(logged[name].values()) == pytest.approx(list(plainly_logged[name].values()), rel=1e-6), name


def test_in_float32_too_and_whatever_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many updates share a step of the Trainer changes no bit; against autograd, float32's rounding is left."""
    reference = train("closed_form").model
    for size in (16, 64, 4096):
        monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_BLOCK", size)
        assert_same_weights(train("closed_form").model, reference)
    assert_same_weights(train("autograd").model, reference, rtol=1e-3, atol=1e-4)
    other_seed = FastSigmoidMLP([12])
    assert not torch.equal(other_seed.linear_layers[0].weight, reference.linear_layers[0].weight)


def constant(t: int) -> float:
    return 8.0


def cosine(t: int) -> float:
    return 4.0 * (1 + math.cos(math.pi * (t - 10) / 30))


def step(t: int) -> float:
    return 8.0 * 0.5 ** ((t - 10) // 5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("schedule", [constant, cosine, step])
def test_learning_rate_of_every_update(engine: EngineName, schedule: Callable[[int], float]) -> None:
    """Two epochs of 20 updates, the first ten of them warm-up, and the rates that each update is logged with."""
    net = {"lr_schedule": schedule.__name__, "lr_step_epochs": 0.25}
    _, _, logged = train(engine, 100, net, log_every_n_steps=1)
    expected = [8.0 * (t + 1) / 10 for t in range(10)] + [schedule(t) for t in range(10, 40)]
    assert list(logged["update/learning_rate"]) == list(range(40))
    assert list(logged["update/learning_rate"].values()) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_learning_rate_at_the_end_of_an_epoch_is_that_of_its_last_update() -> None:
    for engine in ENGINES:
        _, _, logged = train(engine, 100, log_every_n_steps=1)
        for update, rate in logged["train/learning_rate"].items():
            assert rate == pytest.approx(logged["update/learning_rate"][update], rel=1e-5), engine


@pytest.mark.parametrize("engine", ENGINES)
def test_learning_rate_where_only_max_steps_ends_the_run(engine: EngineName) -> None:
    """Warm-up over half an epoch of 20 updates, then half a cosine over the 20 updates that are left of 30."""
    _, _, logged = train(engine, 100, log_every_n_steps=1, max_epochs=-1, max_steps=30)
    expected = [8.0 * (t + 1) / 10 for t in range(10)] + [4.0 * (1 + math.cos(math.pi * t / 20)) for t in range(20)]
    assert list(logged["update/learning_rate"].values()) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_bf16_mixed_keeps_float32_weights_and_stays_near() -> None:
    """With both engines; and what was computed in lower precision is seen to be so."""
    exact, _, by_float32 = train("closed_form", 100)
    costs = by_float32["train/cost"]
    for engine in ENGINES:
        low, _, logged = train(engine, 100, precision="bf16-mixed")
        for a, b in zip(exact.parameters(), low.parameters(), strict=True):
            assert b.dtype == torch.float32
            assert 0 < (a - b).norm() / a.norm() < 0.05
        assert logged["train/cost"][39] < logged["train/cost"][19]
        assert list(logged["train/cost"].values()) == pytest.approx(list(costs.values()), rel=0.01)


def test_log_every_n_updates_across_blocks() -> None:
    """n = 7 falls anywhere in blocks of 20; both engines log the same updates, counted from 0, over the epoch's end."""
    for engine in ENGINES:
        _, _, logged = train(engine, log_every_n_steps=7)
        assert list(logged["update/mini_batch_cost"]) == list(range(6, 250, 7))
        assert logged["epoch"][6] == 0
        assert logged["epoch"][244] == 1


def test_average_cost_counts_each_example_at_the_weights_it_met() -> None:
    """The epoch's average cost is the mean over examples, so that a short last mini-batch counts for what it holds."""
    _, _, logged = train("closed_form", 48, max_epochs=1, log_every_n_steps=1)
    costs = list(logged["update/mini_batch_cost"].values())
    sizes = [48] * 41 + [32]
    mean = sum(cost * size for cost, size in zip(costs, sizes, strict=True)) / 2000
    assert logged["train/cost"] == {41: pytest.approx(mean, rel=1e-6)}


@pytest.mark.parametrize("batch_size", [16, 48])
def test_examples_left_out_by_either_engine(batch_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a choice is made for each mini-batch: in the closed form fewer examples at a lower η, in autograd a sum
    over fewer, are one and the same update."""
    monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_CHOICE", batch_size)
    net = {"skip_below": 0.06}
    by = {engine: train(engine, batch_size, net, precision="64-true") for engine in ENGINES}
    (one, trainer, logged), (other, plain_trainer, plainly_logged) = by["closed_form"], by["autograd"]
    assert trainer.global_step == plain_trainer.global_step == 2 * -(-2000 // batch_size)
    assert_same_weights(one, other, rtol=1e-6, atol=1e-9)
    all_of_them = train("closed_form", batch_size, precision="64-true").model
    assert not one.linear_layers[0].weight.allclose(all_of_them.linear_layers[0].weight, rtol=1e-3)  # some were
    for name in ("update/mini_batch_cost", "update/learning_rate", "train/cost", "train/accuracy", "val/cost"):
        assert list(logged[name]) == list(plainly_logged[name]), name
        assert list(logged[name].values()) == pytest.approx(list(plainly_logged[name].values()), rel=1e-6), name


@pytest.mark.parametrize("max_steps", [-1, 137])
def test_a_block_is_filled_up_from_the_examples_chosen(max_steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each weighs as much as it would among all; the count of updates, η and the average cost go on over all."""
    made: list[tuple[int, list[float]]] = []

    def seen(layers: Any, images: Tensor, targets: Tensor, rates: list[float], *rest: Any) -> Tensor:
        made.append((len(images), rates))
        return gradient_descent(layers, images, targets, rates, *rest)

    monkeypatch.setattr("mnist_mlp.fast.updates.gradient_descent", seen)
    monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_CHOICE", 320)
    net = {"skip_below": 0.05, "lr_schedule": "constant", "lr_warmup_epochs": 0.0}
    _, trainer, logged = train("closed_form", 16, net, max_steps=max_steps, log_every_n_steps=1)
    updates = 250 if max_steps < 0 else max_steps
    assert trainer.global_step == updates
    assert logged["update/learning_rate"] == dict.fromkeys(range(updates), 8.0)
    assert len(logged["update/mini_batch_cost"]) == updates
    assert 0.1 < sum(n for n, _ in made) / (16 * updates) < 0.9
    for n, rates in made:
        assert len(rates) == -(-n // 16)
        assert sum(rates) == pytest.approx(8.0 * n / 16)
        assert rates[:-1] == [8.0] * (len(rates) - 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_leaves_examples_out_is_resumed_to_the_bit(engine: EngineName, tmp_path: Path) -> None:
    net = {"skip_below": 0.05}
    whole = train(engine, net=net, **every_epoch(tmp_path))
    resumed = train(engine, net=net, ckpt_path=tmp_path / "epoch=0.ckpt")
    assert_same_weights(resumed.model, whole.model)


@pytest.mark.parametrize("engine", ENGINES)
def test_none_or_all_left_out(engine: EngineName) -> None:
    """Below a cost that every example has, none are, to the bit; below one that none has, the net stays as it is."""
    assert_same_weights(train(engine, net={"skip_below": 1e-30}).model, train(engine).model)
    idle = train(engine, net={"skip_below": 1e9}, max_epochs=1)
    L.seed_everything(3, verbose=False)
    assert_same_weights(idle.model, FastSigmoidMLP([12]))
    assert idle.logged["train/cost"].keys() == {124}
    assert 0.1 < idle.logged["train/cost"][124] < 0.5


@pytest.mark.parametrize("engine", ENGINES)
def test_max_steps_counts_weight_updates(engine: EngineName) -> None:
    """Also where it falls within a block."""
    _, trainer, logged = train(engine, max_steps=137, max_epochs=-1, log_every_n_steps=1)
    assert trainer.global_step == 137
    assert list(logged["update/mini_batch_cost"]) == list(range(137))


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_the_trainer_count_weight_updates(engine: EngineName) -> None:
    """`limit_train_batches` as a number and as a share, `overfit_batches`, and `fast_dev_run`."""
    for limit, updates in (
        ({"limit_train_batches": 20}, 40),
        ({"limit_train_batches": 0.2}, 50),
        ({"overfit_batches": 3}, 6),
        ({"fast_dev_run": 5}, 5),
    ):
        assert train(engine, **limit).trainer.global_step == updates, limit


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_one_batch_count_one_update(engine: EngineName) -> None:
    """The number 1, unlike the share 1.0: one mini-batch an epoch; a validation after each mini-batch."""

    class Validations(L.Callback):
        def __init__(self) -> None:
            self.at: list[int] = []

        def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            self.at.append(trainer.global_step)

    watch = Validations()
    train(engine, 500, max_epochs=1, val_check_interval=1, callbacks=[watch])
    assert watch.at == [1, 2, 3, 4]
    assert train(engine, limit_train_batches=1).trainer.global_step == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_validation_within_an_epoch_comes_after_the_right_updates(engine: EngineName) -> None:
    """A quarter of 125 mini-batches is 31."""
    _, _, logged = train(engine, max_epochs=1, val_check_interval=0.25)
    assert list(logged["val/cost"]) == [30, 61, 92, 123]


@pytest.mark.parametrize("engine", ENGINES)
def test_checkpoint_every_so_many_updates(engine: EngineName, tmp_path: Path) -> None:
    keep_all = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=40, save_top_k=-1)
    train(engine, callbacks=[keep_all], enable_checkpointing=True, max_epochs=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step=120.ckpt", "step=40.ckpt", "step=80.ckpt"]
    partial = train(engine, max_steps=40, net={"lr_schedule": "constant"}).model.state_dict()
    train(engine, callbacks=[keep_all], enable_checkpointing=True, max_epochs=1, net={"lr_schedule": "constant"})
    # Versions are counted, since the files of the first run were there.
    checkpoint = torch.load(tmp_path / "step=40-v1.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 40
    for name, value in checkpoint["state_dict"].items():
        assert torch.equal(value, partial[name]), name


def every_epoch(folder: Path) -> dict[str, Any]:
    return {"callbacks": [ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)], "enable_checkpointing": True}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("closed_form", "closed_form"),
        ("autograd", "autograd"),
        ("closed_form", "autograd"),
        ("autograd", "closed_form"),
    ],
)
def test_resumed_at_the_end_of_an_epoch(before: EngineName, after: EngineName, tmp_path: Path) -> None:
    """By the same engine: the same bits as without the stop. By the other: the same to rounding."""
    whole = train(before, **every_epoch(tmp_path))
    resumed = train(after, ckpt_path=tmp_path / "epoch=0.ckpt", log_every_n_steps=1)
    assert resumed.trainer.global_step == whole.trainer.global_step == 250
    assert list(resumed.logged["update/mini_batch_cost"]) == list(range(125, 250))
    rounding = {} if before == after else {"rtol": 1e-3, "atol": 1e-4}
    assert_same_weights(resumed.model, whole.model, **rounding)


@pytest.mark.parametrize("after", ENGINES)
@pytest.mark.parametrize("before", ENGINES)
def test_resumed_within_an_epoch(before: EngineName, after: EngineName, tmp_path: Path) -> None:
    """After 40 of 125 mini-batches: the other 85 follow, and the epoch's average cost is over all of them."""
    keep_all = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=40, save_top_k=-1)
    train(before, callbacks=[keep_all], enable_checkpointing=True, max_epochs=1, net=CONSTANT)
    resumed = train(after, ckpt_path=tmp_path / "step=40.ckpt", net=CONSTANT)
    assert_goes_on_as(train(after, net=CONSTANT), resumed, exactly=before == after)


@pytest.mark.parametrize("after", ENGINES)
def test_resumed_after_max_steps(after: EngineName, tmp_path: Path) -> None:
    """50 updates are two and a half blocks of 20: the rest of the third comes first.

    Its epoch ended, as the Trainer has it, when it was cut short; so its average cost is told in two parts.
    """
    stopped = train("closed_form", max_steps=50, net=CONSTANT)
    stopped.trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    resumed = train(after, ckpt_path=tmp_path / "stopped.ckpt", net=CONSTANT)
    assert_goes_on_as(train(after, net=CONSTANT), resumed, exactly=after == "closed_form", epochs=1)


CONSTANT = {"lr_schedule": "constant"}  # so that how long the run was meant to be does not matter


def assert_goes_on_as(whole: Run, resumed: Run, exactly: bool, epochs: int = 2) -> None:
    """The same weights, and the same figures in the last so many epochs."""
    assert resumed.trainer.global_step == whole.trainer.global_step == 250
    assert_same_weights(resumed.model, whole.model, **({} if exactly else {"rtol": 1e-3, "atol": 1e-4}))
    for name in ("train/cost", "train/accuracy", "val/cost"):
        values, expected = (list(run.logged[name].values())[-epochs:] for run in (resumed, whole))
        assert values == pytest.approx(expected, rel=1e-6 if exactly else 1e-3), name
    assert list(resumed.logged["train/cost"])[-1] == 249


def test_a_callback_that_looks_at_batches_sees_every_update() -> None:
    """One that does not say that it counts blocks gets blocks of one mini-batch."""

    class Looks(L.Callback):
        steps: list[int] = []  # noqa: RUF012

        def on_train_batch_end(self, trainer: L.Trainer, *args: Any) -> None:
            self.steps.append(trainer.global_step)

    train("closed_form", callbacks=[Looks()], max_epochs=1)
    assert Looks.steps == list(range(1, 126))


def test_the_projects_own_callbacks_take_blocks() -> None:
    """Six blocks of 20 mini-batches and one of 5; and the callbacks count what each of them holds."""

    class Counts(L.Callback):
        counts_blocks = True
        steps: list[int] = []  # noqa: RUF012

        def on_train_batch_end(self, trainer: L.Trainer, *args: Any) -> None:
            self.steps.append(trainer.global_step)

    watchers = [Speed(), CostWatch(), CollapseWatch(), Counts()]
    _, trainer, logged = train("closed_form", callbacks=watchers, max_epochs=1)
    assert Counts.steps == [20, 40, 60, 80, 100, 120, 125]
    assert trainer.num_training_batches == 7
    assert logged["train/examples_per_second"][124] > 0


def hook(name: str) -> type[L.Callback]:
    """A callback with that hook."""
    return type("SeesGradients", (L.Callback,), {name: lambda *args, **kwargs: None})


class OwnForward(FastSigmoidMLP):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)


class OwnHook(FastSigmoidMLP):
    def on_after_backward(self) -> None:
        pass


class WithMomentum(FastSigmoidMLP):
    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


HINDRANCES: dict[str, dict[str, Any]] = {
    "clipped": {"gradient_clip_val": 1.0},
    "accumulated": {"accumulate_grad_batches": 2},
    "SeesGradients": {"callbacks": [hook("on_before_optimizer_step")()]},
    "SeesGradients wants": {"callbacks": [hook("on_before_backward")()]},
    "the callback SeesGradients": {"callbacks": [hook("on_after_backward")()]},
    "the callback SeesGradients wants": {"callbacks": [hook("on_before_zero_grad")()]},
    "OwnForward has a forward of its own": {"kind": OwnForward},
    "OwnHook has a on_after_backward of its own": {"kind": OwnHook},
    "precision bf16-true": {"precision": "bf16-true"},
}


@pytest.mark.parametrize(("reason", "trainer"), HINDRANCES.items(), ids=HINDRANCES)
def test_where_the_closed_form_cannot_serve(reason: str, trainer: dict[str, Any]) -> None:
    """Asked for, it is refused with the reason; `auto` takes autograd."""
    with pytest.raises(InputError, match=reason):
        train("closed_form", **trainer)
    model, _, _ = train("auto", max_epochs=1, limit_val_batches=0, **trainer)
    assert model.automatic_optimization


def test_another_optimizer_is_never_silently_ignored() -> None:
    data = MNISTData(batch_size=100, val_size=58_000)
    engines: tuple[EngineName, ...] = ("auto", "closed_form")
    for engine in engines:
        model = WithMomentum([5], engine=engine)
        trainer = L.Trainer(max_epochs=1, limit_val_batches=0, **QUIET)
        if engine == "auto":
            trainer.fit(model, datamodule=data)
            assert isinstance(trainer.optimizers[0], torch.optim.SGD)
            assert trainer.optimizers[0].state  # momentum was kept, so the optimizer did step
        else:
            with pytest.raises(InputError, match="WithMomentum has a configure_optimizers of its own"):
                trainer.fit(model, datamodule=data)


class OwnStep(FastSigmoidMLP):
    """The lesson of every Lightning tutorial."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self.cost(self(batch[0]), batch[1]).mean()


class OwnOptimizerStep(FastSigmoidMLP):
    calls = 0

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        self.calls += 1
        super().optimizer_step(*args, **kwargs)


class OwnClipping(FastSigmoidMLP):
    calls = 0

    def configure_gradient_clipping(self, *args: Any, **kwargs: Any) -> None:
        self.calls += 1


class OwnBatchEnd(FastSigmoidMLP):
    calls = 0

    def on_train_batch_end(self, *args: Any) -> None:
        self.calls += 1


def test_a_training_step_of_ones_own_trains() -> None:
    """Which engine is chosen for it, or that the closed form is refused, is the package's affair."""
    trained = train("auto", kind=OwnStep, max_epochs=1).model
    before = train("auto", kind=OwnStep, max_epochs=1, limit_train_batches=0).model
    assert not torch.equal(trained.linear_layers[0].weight, before.linear_layers[0].weight)


@pytest.mark.parametrize("kind", [OwnOptimizerStep, OwnClipping, OwnBatchEnd])
def test_a_hook_of_ones_own_is_called_for_every_update(
    kind: type[OwnOptimizerStep] | type[OwnClipping] | type[OwnBatchEnd],
) -> None:
    model = train("auto", kind=kind, max_epochs=1).model
    assert isinstance(model, kind)
    assert model.calls == 125


@pytest.mark.parametrize("engine", ["auto", "autograd"])
def test_frozen_weights_stay(engine: EngineName) -> None:
    """A layer whose parameters ask for no gradient is not trained; the other is."""
    before: list[Tensor] = []

    def freeze(model: FastSigmoidMLP) -> None:
        before.extend(p.detach().clone() for p in model.parameters())
        for p in model.layers[0].parameters():
            p.requires_grad_(False)

    after = list(train(engine, prepare=freeze, max_epochs=1).model.parameters())
    assert [torch.equal(a, b) for a, b in zip(after, before, strict=True)] == [True, True, False, False]


def test_a_plain_dataloader_gives_the_same_with_both_engines() -> None:
    """(images, labels) from torch's DataLoader: one weight update per batch, the short last one included."""
    runs = []
    for engine in ENGINES:
        torch.manual_seed(0)
        data = MNISTData(val_size=0)
        data.setup()
        images, labels = data.train_dataloader().examples
        loader = DataLoader(TensorDataset(images[:300].unsqueeze(1).double() / 255, labels[:300]), batch_size=32)
        logger = InMemory()
        model = FastSigmoidMLP([16], engine=engine, learning_rate=5.0)
        options = {**QUIET, "max_epochs": 2, "logger": logger, "log_every_n_steps": 1, "precision": "64-true"}
        trainer = L.Trainer(**options)
        trainer.fit(model, loader)
        assert trainer.global_step == 20
        runs.append(Run(model, trainer, logger.logged))
    assert_same_weights(runs[0].model, runs[1].model, rtol=1e-6, atol=1e-9)
    for name in ("update/mini_batch_cost", "update/learning_rate", "train/cost"):
        assert list(runs[0].logged[name]) == list(runs[1].logged[name])
        values = [list(run.logged[name].values()) for run in runs]
        assert values[0] == pytest.approx(values[1], rel=1e-6), name


@pytest.mark.parametrize("engine", ENGINES)
def test_takes_anybodys_dataloader(engine: EngineName) -> None:
    """(images, labels) from a plain DataLoader that shuffles: the net learns them."""
    torch.manual_seed(0)
    data = MNISTData(val_size=0)
    data.setup()
    images, labels = data.train_dataloader().examples
    dataset = TensorDataset(images[:500].unsqueeze(1).float() / 255, labels[:500])
    model = FastSigmoidMLP([16], engine=engine, learning_rate=10.0)
    trainer = L.Trainer(**{**QUIET, "max_epochs": 12})
    trainer.fit(model, DataLoader(dataset, batch_size=10, shuffle=True))
    assert trainer.global_step == 600
    with torch.no_grad():
        assert (model(dataset.tensors[0]).argmax(1) == dataset.tensors[1]).float().mean() > 0.8


@pytest.mark.parametrize("engine", ENGINES)
def test_the_projects_own_callbacks_bear_a_resume_within_an_epoch(engine: EngineName, tmp_path: Path) -> None:
    """Lightning tells nobody of the start of such an epoch."""
    watchers = [Speed(), CostWatch(), CollapseWatch(), Progress()]
    train(engine, max_steps=40, net=CONSTANT).trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    options: dict[str, Any] = {"callbacks": watchers, "enable_progress_bar": True}
    _, trainer, logged = train(engine, ckpt_path=tmp_path / "stopped.ckpt", net=CONSTANT, **options)
    assert trainer.global_step == 250
    assert list(logged["train/examples_per_second"])[-1] == 249
