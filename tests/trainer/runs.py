"""One small run of our net and one of a plain net: same seed, same order of the images, same initial weights."""

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples, load
from mnist_mlp.errors import InputError
from mnist_mlp.fast.module import FastSigmoidMLP
from tests.command import QUIET
from tests.trainer.case import Case, Ran, Recording, Seen
from tests.trainer.plain import Pair, PlainData, PlainMLP

SEED, BATCH_SIZE, BATCHES, EVALUATION_BATCHES, EPOCHS = 3, 10, 30, 4, 2
LEARNING_RATE = 2.0
# What Lightning raises for arguments that it refuses.
REFUSALS = (
    *(InputError, MisconfigurationException, ValueError, TypeError),
    *(ModuleNotFoundError, RuntimeError, AttributeError),
)


@cache
def few_examples() -> tuple[Examples, Examples]:
    """400 training and 100 test images of MNIST."""
    train, test = load()
    return Examples(train.images[:400], train.labels[:400]), Examples(test.images[:100], test.labels[:100])


def use_few_examples(patch: pytest.MonkeyPatch) -> None:
    """Give every MNISTData 400 training and 100 test images, and our net blocks of ten mini-batches."""
    patch.setattr("mnist_mlp.data.datamodule.load", lambda *_: few_examples())
    patch.setattr("mnist_mlp.data.datamodule.EVALUATION_BATCH_SIZE", 100 // EVALUATION_BATCHES)
    patch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_BLOCK", 100)


def our_data() -> MNISTData:
    """300 training, 100 validation and 100 test images."""
    return MNISTData(batch_size=BATCH_SIZE, val_size=100)


@cache
def recorded() -> tuple[Pair, list[list[int]], Pair, Pair]:
    """The training images, their order in five epochs, the validation and the test images, as our loaders give them."""
    L.seed_everything(SEED, verbose=False)
    data = our_data()
    data.setup()

    def everything(loader: Any) -> Pair:
        images, labels = zip(*((batch[0].clone(), batch[1].clone()) for batch in loader), strict=True)
        return torch.cat(images), torch.cat(labels)

    loader: Any = data.train_dataloader()
    places: dict[bytes, int] = {}
    orders = []
    for epoch in range(5):
        loader.sampler.set_epoch(epoch)
        images, labels = everything(loader)
        if epoch == 0:
            train = images, labels
            places = {image.numpy().tobytes(): place for place, image in enumerate(images)}
        orders.append([places[image.numpy().tobytes()] for image in images])
    assert len(places) == len(images)  # no two images are the same
    return train, orders, everything(data.val_dataloader()), everything(data.test_dataloader())


def plain_data(**other: Any) -> PlainData:
    """The same images in the same order in plain DataLoaders."""
    train, orders, validation, test = recorded()
    sizes = {"batch_size": BATCH_SIZE, "evaluation_batch_size": len(test[1]) // EVALUATION_BATCHES}
    return PlainData(**{"train": train, "orders": orders, "validation": validation, "test": test, **sizes, **other})


def our_net(case: Case) -> FastSigmoidMLP:
    """784-8-10, with the engine "auto"."""
    return FastSigmoidMLP(**{"hidden_sizes": [8], "learning_rate": LEARNING_RATE, "lr_warmup_epochs": 0, **case.net})


def nets(case: Case) -> tuple[FastSigmoidMLP, PlainMLP]:
    """Our net and a plain one with the same weights."""
    L.seed_everything(SEED, verbose=False)
    ours = our_net(case)
    plain = PlainMLP(ours.hparams["learning_rate"], ours.hparams["lr_schedule"])
    for one, other in zip(plain.parameters(), ours.parameters(), strict=True):
        one.data.copy_(other)
    return ours, plain


def trainer_of(case: Case, folder: Path, seen: Seen, logger: Recording) -> L.Trainer:
    """A Trainer with the case's arguments, in float64, so that rounding is far below any effect."""
    short = {"max_epochs": EPOCHS, "log_every_n_steps": 5, "precision": "64-true", "logger": logger}
    arguments = {**QUIET, **short, "default_root_dir": folder, **case.arguments(folder)}
    arguments = {name: value for name, value in arguments.items() if value is not ...}  # ... is Lightning's default
    arguments["callbacks"] = [*arguments.get("callbacks", []), seen]
    return L.Trainer(**arguments)


def fit(case: Case, ours: bool, folder: Path, printed: Callable[[], str]) -> Ran:
    """Train our net or the plain one."""
    net = nets(case)[0 if ours else 1]
    module = our_data() if ours else plain_data(**case.data)
    case.prepare(net)
    seen, logger = Seen(), Recording()
    folder.mkdir(parents=True, exist_ok=True)
    loader = module.train_dataloader

    def counted() -> Any:
        seen.loads += 1
        return loader()

    module.train_dataloader = counted  # type: ignore[method-assign]
    printed()
    with warnings.catch_warnings(), _lightnings_log() as log:
        warnings.simplefilter("ignore")  # Lightning's hints on small runs
        trainer = trainer_of(case, folder, seen, logger)
        trainer.fit(net, datamodule=module)
    return Ran(net, module, trainer, logger, seen, folder, printed() + log.getvalue())


@contextmanager
def _lightnings_log() -> Iterator[io.StringIO]:
    """Return a text that gets Lightning's messages."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield text
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def weights(net: L.LightningModule) -> Tensor:
    """All weights and biases, (N,) float64."""
    return torch.cat([parameter.detach().flatten().double() for parameter in net.parameters()])


def rounding(updates: int, precision: torch.dtype) -> float:
    """How far two computations of the same weight updates may differ by rounding.

    A component of the gradient is a mean over examples of δ a, |δ| <= 2/10 1/4 and |a| < 3 for these images. It comes
    from dot products of up to 784 terms, each of which adds one rounding error u. η is moderate, so that gradient
    descent does not amplify errors.
    """
    u = torch.finfo(precision).eps / 2
    return updates * LEARNING_RATE * 0.05 * 3 * (784 + BATCH_SIZE) * u


def assert_same_training(ours: Ran, plain: Ran, case: Case) -> None:
    """Equal numbers of weight updates, and weights that are equal to rounding."""
    assert ours.updates == plain.updates
    start = weights(nets(case)[0])
    moved = (weights(plain.net) - start).norm()
    if case.tolerance is not None:
        assert (weights(ours.net) - weights(plain.net)).norm() <= case.tolerance * moved
        return
    atol = rounding(max(1, plain.updates), next(plain.net.parameters()).dtype)
    torch.testing.assert_close(weights(ours.net), weights(plain.net), rtol=0, atol=atol)


@cache
def without_arguments() -> Tensor:
    """Return the weights of a plain net, trained without any case's arguments."""
    return weights(fit(Case("", "autograd"), False, Path(), lambda: "").net)


def initial_weights() -> Tensor:
    return weights(nets(Case("", "autograd"))[0])


def assert_case(case: Case, folder: Path, printed: Callable[[], str]) -> None:
    """Run our net and the plain one. Both must do what the case says."""
    missing = case.needs is not None and not _installed(case.needs)
    if case.outcome == "refused" or missing:
        with pytest.raises(REFUSALS, match=case.needs if missing else case.refusal) as error:
            fit(case, True, folder / "ours", printed)
        assert "\n" not in str(error.value).strip()
        return
    ours, plain = fit(case, True, folder / "ours", printed), fit(case, False, folder / "plain", printed)
    assert isinstance(ours.net, FastSigmoidMLP)
    assert ours.net.uses_closed_form == (case.outcome == "closed form")
    assert_same_training(ours, plain, case)
    case.check(ours)
    case.check(plain)


def _installed(package: str) -> bool:
    try:
        __import__(package)
    except ImportError:
        return False
    return True
