"""Where the closed form does not apply, it is refused, or autograd trains instead."""

from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import LambdaCallback, ModelPruning, StochasticWeightAveraging
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.errors import InputError
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.lightning_private import can_count_updates
from mnist_mlp.model import SigmoidMLP
from tests.command import QUIET
from tests.fast.runs import Run, assert_same_weights, train

pytestmark = pytest.mark.usefixtures("read_once", "blocks_of_320")


def hook(name: str) -> type[L.Callback]:
    """A callback that overrides the hook."""
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


def frozen(net: SigmoidMLP) -> None:
    net.layers[0].weight.requires_grad_(False)


def another_optimizer(net: SigmoidMLP) -> None:
    net.configure_optimizers = lambda: torch.optim.Adam(net.parameters(), lr=1e-3)  # type: ignore[method-assign]


def another_activation(net: SigmoidMLP) -> None:
    net.activation = torch.relu


def another_cost(net: SigmoidMLP) -> None:
    net.cost_terms = lambda a, y: (a - y).abs()  # type: ignore[method-assign]


def another_training_step(net: SigmoidMLP) -> None:
    net.training_step = lambda batch, batch_idx: net.cost(net(batch[0]), batch[1]).sum()  # type: ignore[method-assign]


def gradient_hook(net: SigmoidMLP) -> None:
    net.linear_layers[0].weight.register_hook(torch.zeros_like)


def accumulation_hook(net: SigmoidMLP) -> None:
    net.linear_layers[0].weight.register_post_accumulate_grad_hook(lambda p: None)


def manual_optimization(net: SigmoidMLP) -> None:
    net.automatic_optimization = False


def forward_hook(net: SigmoidMLP) -> None:
    net.register_forward_hook(lambda module, inputs, output: output * 0.5)


def backward_hook(net: SigmoidMLP) -> None:
    net.layers[1].register_full_backward_hook(lambda module, into, out: None)


def pruned(net: SigmoidMLP) -> None:
    prune.l1_unstructured(net.layers[0], "weight", amount=0.5)


def parametrized(net: SigmoidMLP) -> None:
    parametrize.register_parametrization(net.layers[0], "weight", nn.Tanh())


UNSUPPORTED: dict[str, dict[str, Any]] = {
    "gradients are clipped": {"gradient_clip_val": 1.0},
    "accumulated": {"accumulate_grad_batches": 2},
    "anomaly detection": {"detect_anomaly": True},
    "precision bf16-true": {"precision": "bf16-true"},
    "the callback SeesGradients may change": {"callbacks": lambda: [hook("on_before_optimizer_step")()]},
    "the callback LambdaCallback": {"callbacks": lambda: [LambdaCallback(on_train_batch_end=lambda *_: None)]},
    "the callback StochasticWeightAveraging": {"callbacks": lambda: [StochasticWeightAveraging(1.0, 1)]},
    "the callback ModelPruning": {"callbacks": lambda: [ModelPruning("l1_unstructured", amount=0.5)]},
    "OwnForward is a subclass": {"kind": OwnForward},
    "OwnHook is a subclass": {"kind": OwnHook},
    "this net optimizes manually": {"prepare": manual_optimization},
    "some weights are frozen": {"prepare": frozen},
    "configure_optimizers of this net is replaced": {"prepare": another_optimizer},
    "activation function of this net is replaced": {"prepare": another_activation},
    "cost_terms of this net is replaced": {"prepare": another_cost},
    "training_step of this net is replaced": {"prepare": another_training_step},
    "a weight has hooks": {"prepare": gradient_hook},
    "a weight has hook": {"prepare": accumulation_hook},
    "a module has hooks": {"prepare": forward_hook},
    "a module has hook": {"prepare": backward_hook},
    "a module has hoo": {"prepare": pruned},
    "not plain torch.nn.Linear": {"prepare": parametrized},
}


@pytest.mark.parametrize(("reason", "trainer"), UNSUPPORTED.items(), ids=UNSUPPORTED)
def test_where_the_closed_form_does_not_apply(reason: str, trainer: dict[str, Any]) -> None:
    """If asked for, it is refused with the reason; `auto` takes autograd."""

    def run(engine: EngineName) -> Run:
        fresh = {name: value() if name == "callbacks" else value for name, value in trainer.items()}
        return train(engine, limit_val_batches=0, **fresh)

    with pytest.raises(InputError, match=reason):
        run("closed_form")
    auto, autograd = run("auto"), run("autograd")
    assert isinstance(auto.model, FastSigmoidMLP)
    assert not auto.model.uses_closed_form
    assert_same_weights(auto.model, autograd.model)
    assert auto.trainer.global_step == autograd.trainer.global_step


def test_another_optimizer_is_never_silently_ignored() -> None:
    data = MNISTData(batch_size=100, val_size=58_000)
    engines: tuple[EngineName, ...] = ("auto", "closed_form")
    for engine in engines:
        model = WithMomentum([5], engine=engine)
        trainer = L.Trainer(max_epochs=1, limit_val_batches=0, **QUIET)
        if engine == "auto":
            trainer.fit(model, datamodule=data)
            assert isinstance(trainer.optimizers[0], torch.optim.SGD)
            assert trainer.optimizers[0].state  # the optimizer has stepped: it holds momentum
        else:
            with pytest.raises(InputError, match="WithMomentum is a subclass"):
                trainer.fit(model, datamodule=data)


class Dimmed(MNISTData):
    """Changes the images after they are moved to the device, as Lightning's guide to data modules shows."""

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        images, labels = batch[0], batch[1]
        return images * 0.5, labels


def dimmed_by_an_instance() -> MNISTData:
    def dim(batch: Any, dataloader_idx: int) -> Any:
        return batch[0] * 0.5, batch[1]

    data = MNISTData(batch_size=100, val_size=58_000)
    data.on_after_batch_transfer = dim  # type: ignore[method-assign]
    return data


@pytest.mark.parametrize("make", [lambda: Dimmed(batch_size=100, val_size=58_000), dimmed_by_an_instance])
def test_a_data_module_that_changes_batches_is_trained_by_autograd(make: Any) -> None:
    """A block of mini-batches that it takes apart would become a single weight update."""
    nets: list[SigmoidMLP] = []
    for kind in (FastSigmoidMLP, SigmoidMLP):
        L.seed_everything(0, verbose=False)
        nets.append(kind([5]))
        trainer = L.Trainer(max_epochs=1, limit_val_batches=0, **QUIET)
        trainer.fit(nets[-1], datamodule=make())
        assert trainer.global_step == 20
    assert_same_weights(nets[0], nets[1])
    with pytest.raises(InputError, match="the data module's on_after_batch_transfer may change the batches"):
        L.Trainer(max_epochs=1, **QUIET).fit(FastSigmoidMLP([5], engine="closed_form"), datamodule=make())


class OwnStep(FastSigmoidMLP):
    """The training step of every Lightning tutorial."""

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


def test_an_overridden_training_step_trains() -> None:
    """Whichever engine is chosen for it."""
    trained = train("auto", kind=OwnStep, max_epochs=1).model
    before = train("auto", kind=OwnStep, max_epochs=1, limit_train_batches=0).model
    assert not torch.equal(trained.linear_layers[0].weight, before.linear_layers[0].weight)


@pytest.mark.parametrize("kind", [OwnOptimizerStep, OwnClipping, OwnBatchEnd])
def test_an_overridden_hook_is_called_for_every_update(
    kind: type[OwnOptimizerStep] | type[OwnClipping] | type[OwnBatchEnd],
) -> None:
    model = train("auto", kind=kind, max_epochs=1).model
    assert isinstance(model, kind)
    assert model.calls == 125


@pytest.mark.parametrize("engine", ["auto", "autograd"])
def test_frozen_weights_stay(engine: EngineName) -> None:
    """A layer whose parameters require no gradient is not trained; the other one is."""
    before: list[Tensor] = []

    def freeze(model: SigmoidMLP) -> None:
        before.extend(p.detach().clone() for p in model.parameters())
        for p in model.layers[0].parameters():
            p.requires_grad_(False)

    after = list(train(engine, prepare=freeze, max_epochs=1).model.parameters())
    assert [torch.equal(a, b) for a, b in zip(after, before, strict=True)] == [True, True, False, False]


def test_a_lightning_version_with_other_counters_gets_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training falls back to the plain idiom with one sentence; the closed form, if asked for, is refused."""
    other_version: Any = SimpleNamespace(fit_loop=SimpleNamespace(epoch_loop=SimpleNamespace()))
    assert not can_count_updates(other_version)
    assert can_count_updates(L.Trainer(**QUIET))
    monkeypatch.setattr("mnist_mlp.fast.eligibility.can_count_updates", lambda trainer: False)
    with pytest.warns(UserWarning, match=r"^The closed form is not used: this version of Lightning .*"):
        model, trainer, _ = train("auto", max_epochs=1)
    assert isinstance(model, FastSigmoidMLP)
    assert not model.uses_closed_form
    assert trainer.global_step == 125
    with pytest.raises(InputError, match="this version of Lightning"):
        train("closed_form")
