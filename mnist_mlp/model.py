"""The net: forward propagation, the cost, and the weight update by plain gradient descent."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from mnist_mlp import engine
from mnist_mlp.backprop import SCALED_TANH_A, SCALED_TANH_S, CostName, Layer
from mnist_mlp.batches import Block
from mnist_mlp.engine import EngineName
from mnist_mlp.errors import InputError
from mnist_mlp.initialization import InitName, initialize
from mnist_mlp.schedule import Schedule, ScheduleName
from mnist_mlp.scores import Score, Scores

N_INPUTS = 28 * 28
N_OUTPUTS = 10

ActivationName = Literal["sigmoid", "tanh", "scaled_tanh", "identity"]
ACTIVATIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "scaled_tanh": lambda z: SCALED_TANH_A * torch.tanh(SCALED_TANH_S * z),  # LeCun et al. 1998, appendix A
    "identity": lambda z: z,  # shows what a net is without a nonlinearity: one matrix
}


class SigmoidMLP(L.LightningModule):
    """784 input neurons, some hidden layers, 10 output neurons of which the largest activation is the guess.

    Args:
        hidden_sizes: neurons of each hidden layer; [] for none.
        activation: of the hidden layers.
        output_activation: of the output layer. The article's is the sigmoid; others are for published recipes.
        target_values: what an output neuron is to give for other digits than its own, and for its own.
        cost_function: "mse", the article's mean squared error; or "cross_entropy", for comparison with it.
        bias: whether neurons have one. Without, a weight can change only the sigmoid's steepness.
        learning_rate: η. With this cost useful values are of the order of 1 to 30 (README: "The learning rate").
        lr_schedule: how η goes over the run.
        lr_warmup_epochs: η first rises linearly to `learning_rate` over so many epochs; may be a fraction.
        lr_step_epochs: for the "step" schedule, after how many epochs η is multiplied by `lr_step_factor`.
        lr_step_factor: see `lr_step_epochs`.
        skip_below: an example whose cost is below this is left out of back propagation, as its gradient would hardly
            change the weights; 0 leaves none out. Of a block of mini-batches, the closed form first propagates all
            examples forward and then makes updates, of a whole mini-batch each, from those that are left; epochs, η
            and the count of updates go on as if none were left out. Selective-Backprop, Jiang et al. 2019 (arXiv
            1910.00762), chooses at random, the likelier the higher the cost.
        init: the weights and biases to start from (mnist_mlp/initialization.py).
        n_inputs: input neurons; for other data, such as XOR.
        n_outputs: output neurons, one for each label from 0 on; for other data.
        engine: how the gradient is computed: "autograd", the plain Lightning idiom, or "closed_form", the same
            arithmetic several times faster (mnist_mlp/engine.py). "auto" takes the closed form where it can serve.

    Raises:
        InputError: an argument is out of range.
    """

    def __init__(
        self,
        hidden_sizes: Sequence[int] = (300,),
        activation: ActivationName = "sigmoid",
        output_activation: ActivationName = "sigmoid",
        target_values: tuple[float, float] = (0.0, 1.0),
        cost_function: CostName = "mse",
        bias: bool = True,
        learning_rate: float = 30.0,
        lr_schedule: ScheduleName = "cosine",
        lr_warmup_epochs: float = 1.0,
        lr_step_epochs: float = 10.0,
        lr_step_factor: float = 0.5,
        skip_below: float = 0.0,
        init: InitName = "glorot",
        n_inputs: int = N_INPUTS,
        n_outputs: int = N_OUTPUTS,
        engine: EngineName = "auto",
    ) -> None:
        super().__init__()
        hidden_sizes = list(hidden_sizes)
        _check_hidden_sizes(hidden_sizes)
        _check_choice("activation", activation, get_args(ActivationName))
        _check_choice("output_activation", output_activation, get_args(ActivationName))
        _check_choice("cost_function", cost_function, get_args(CostName))
        _check_targets(target_values, cost_function, output_activation)
        _check_choice("lr_schedule", lr_schedule, get_args(ScheduleName))
        _check_choice("engine", engine, get_args(EngineName))
        _check_choice("init", init, get_args(InitName))
        _check_positive("learning_rate", learning_rate, "try 1, or 10 for small nets")
        _check_positive("lr_step_epochs", lr_step_epochs, "give a number of epochs")
        _check_positive("lr_step_factor", lr_step_factor, "give a factor such as 0.5")
        _check_not_negative("skip_below", skip_below, "give a cost such as 0.001, or 0 to leave no example out")
        _check_not_negative("lr_warmup_epochs", lr_warmup_epochs, "give a number of epochs, 0 or more")
        if n_inputs < 1 or n_outputs < 1:
            raise InputError(f"n_inputs is {n_inputs} and n_outputs {n_outputs}; give a number of neurons, 1 or more.")
        self.save_hyperparameters()

        sizes = [n_inputs, *hidden_sizes, n_outputs]
        self.layers = nn.ModuleList(nn.Linear(n, m, bias=bias) for n, m in zip(sizes, sizes[1:], strict=False))
        for layer in self.linear_layers:
            initialize(layer, init)
        self.activation, self.output_activation = ACTIVATIONS[activation], ACTIVATIONS[output_activation]
        self._last_learning_rate: float | None = None
        self.train_scores, self.val_scores, self.test_scores = (Scores(n_outputs) for _ in range(3))
        self.example_input_array = torch.zeros(1, 1, 28, 28) if n_inputs == N_INPUTS else torch.zeros(1, n_inputs)

    def forward(self, images: Tensor) -> Tensor:
        """Forward propagation: z = W a + b, a = σ(z), layer by layer.

        Args:
            images: (B, 1, 28, 28) or (B, 784), the input neurons' activations.

        Returns:
            (B, 10) the output neurons' activations, each in 0..1 (if they are sigmoid, as the article's are).
        """
        a = images.flatten(1)
        *hidden_layers, output_layer = self.layers
        for layer in hidden_layers:
            a = self.activation(layer(a))
        return self.output_activation(output_layer(a))

    @property
    def linear_layers(self) -> list[nn.Linear]:
        """The layers from the first hidden one to the output, each with its W (m, n) and b (m,)."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    @property
    def layers_and_sigmas(self) -> list[Layer]:
        """The same with the name of each one's σ, as mnist_mlp/backprop.py takes them; its updates train this net."""
        sigmas = [self.hparams["activation"]] * (len(self.layers) - 1) + [self.hparams["output_activation"]]
        return [Layer(layer.weight, layer.bias, sigma) for layer, sigma in zip(self.linear_layers, sigmas, strict=True)]

    def targets(self, labels: Tensor, dtype: torch.dtype) -> Tensor:
        """(B,) digits to (B, 10) what the output neurons are to give: one-hot, 1 at the digit and 0 elsewhere."""
        off, on = (float(value) for value in self.hparams["target_values"])
        return F.one_hot(labels, self.hparams["n_outputs"]).to(dtype) * (on - off) + off

    def cost(self, activations: Tensor, labels: Tensor) -> Tensor:
        """The cost of each example: the squared errors against the one-hot target, divided by the 10 outputs.

        The average cost C(w) is the mean of this over the examples.

        Args:
            activations: (B, 10) of the output neurons.
            labels: (B,) the digits.

        Returns:
            (B,) costs.
        """
        return self.cost_terms(activations, self.targets(labels, activations.dtype)).mean(dim=1)

    def cost_terms(self, a: Tensor, y: Tensor) -> Tensor:
        """What each output neuron, of activation a and target y, (..., 10), adds to the cost, which is their mean."""
        if self.hparams["cost_function"] == "cross_entropy":
            return F.binary_cross_entropy(a, y, reduction="none")
        return F.mse_loss(a, y, reduction="none")

    def training_step(self, batch: Sequence[Any], batch_idx: int) -> Tensor | dict[str, Tensor]:
        """The average cost of a mini-batch.

        From it Lightning has autograd compute dC/dw (back propagation) and the optimizer update the weights.
        """
        if not self.automatic_optimization:
            return {"loss": self._closed_form_step(batch)}
        _, costs = self._answers(batch, self.train_scores)
        # A mini-batch shared by several processes is divided by its size over all of them (see MiniBatch).
        size = batch[2] if len(batch) > 2 else len(costs)
        cost = costs.sum() / size
        self.log("update/mini_batch_cost", cost)
        self.log("update/learning_rate", self._note_learning_rate())
        return cost if not self.hparams["skip_below"] else (costs * self._to_learn_from(costs)).sum() / size

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The weight update: w(t+1) = w(t) - η dC/dw, without momentum."""
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams["learning_rate"], momentum=0.0)
        schedule = self.schedule()
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda update: schedule(update) / schedule.peak)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def schedule(self) -> Schedule:
        """η over this run, once a Trainer is attached and says how long the run is."""
        epoch = engine.updates_per_epoch(self.trainer)
        return Schedule(
            name=self.hparams["lr_schedule"],
            peak=self.hparams["learning_rate"],
            total_updates=engine.updates_of_the_run(self.trainer),
            warmup_updates=self.hparams["lr_warmup_epochs"] * epoch,
            step_updates=self.hparams["lr_step_epochs"] * epoch,
            step_factor=self.hparams["lr_step_factor"],
        )

    def setup(self, stage: str) -> None:
        """Choose the engine, once it is known in what Trainer the net is.

        Raises:
            InputError: the closed form was asked for but cannot serve.
        """
        if stage != "fit":
            return
        hindrance: str | None = "another engine was asked for"
        if self.hparams["engine"] != "autograd":
            hindrance = engine.closed_form_hindrance(self, list(self.layers), SigmoidMLP, self.trainer)
            if hindrance is not None and self.hparams["engine"] == "closed_form":
                raise InputError(f"--model.engine closed_form cannot serve here: {hindrance}; take autograd or auto.")
        self.automatic_optimization = hindrance is not None  # Lightning's name for the plain idiom

    def updates_per_step(self, batch_size: int) -> int:
        """How many weight updates, of `batch_size` examples each, one step of the Trainer is to make."""
        if self.automatic_optimization:
            return 1
        return engine.updates_per_step(self, self.trainer, batch_size, choosing=self.hparams["skip_below"] > 0)

    def _closed_form_step(self, batch: Sequence[Any]) -> Tensor:
        """One weight update for each mini-batch of a block; (updates,) their average costs."""
        images, labels = batch[0].flatten(1), batch[1]
        batch_size = batch[2] if isinstance(batch, Block) else len(labels)
        chosen = None
        if self.hparams["skip_below"]:
            with torch.no_grad():
                all_outputs = _at_least_float32(self(images))
                costs = self.cost(all_outputs, labels)
                chosen = self._to_learn_from(costs)
        first, rates, outputs = engine.make_updates(
            self.trainer,
            self.layers_and_sigmas,
            images,
            self.targets(labels, images.dtype),
            batch_size,
            self.schedule(),
            self.hparams["cost_function"],
            chosen,
        )
        labels = labels[: len(rates) * batch_size]
        if chosen is None:
            outputs = _at_least_float32(outputs)
            costs = self.cost(outputs, labels)
        else:
            outputs, costs = all_outputs[: len(labels)], costs[: len(labels)]
        self.train_scores.update(costs, outputs, labels)
        whole = len(costs) // batch_size * batch_size
        mini_batch_costs = costs[:whole].view(-1, batch_size).mean(dim=1)
        if whole < len(costs):
            mini_batch_costs = torch.cat([mini_batch_costs, costs[whole:].mean().view(1)])
        self._last_learning_rate = rates[-1]
        self._log_updates(first, mini_batch_costs, rates)
        return mini_batch_costs

    def _to_learn_from(self, costs: Tensor) -> Tensor:
        """(B,) of which examples, by their costs, the gradient is to be computed."""
        return costs.detach().ge(self.hparams["skip_below"])

    def _log_updates(self, first: int, costs: Tensor, rates: list[float]) -> None:
        """As `self.log` does for the plain idiom: one of every `log_every_n_steps` updates."""
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        for update in range(first, first + len(rates)):
            if every and (update + 1) % every == 0:
                metrics = {
                    "update/mini_batch_cost": float(costs[update - first]),
                    "update/learning_rate": rates[update - first],
                    "epoch": self.current_epoch,
                }
                for logger in self.trainer.loggers:
                    logger.log_metrics(metrics, step=update)

    def validation_step(self, batch: Sequence[Any], batch_idx: int) -> Tensor:
        """(B, 10) the output activations, for callbacks that look at them (mnist_mlp/pictures.py)."""
        return self._answers(batch, self.val_scores)[0]

    def test_step(self, batch: Sequence[Any], batch_idx: int) -> None:
        self._answers(batch, self.test_scores)

    def on_train_start(self) -> None:
        engine.take_over_position(self.trainer)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["train_scores"] = self.train_scores.state()  # of the epoch so far

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        engine.take_over_counts(checkpoint)
        if "train_scores" in checkpoint:
            self.train_scores.load_state(checkpoint["train_scores"])

    def on_train_epoch_end(self) -> None:
        if self._last_learning_rate is not None:
            self.log("train/learning_rate", self._last_learning_rate)
        self._log_score("train", self.train_scores.compute())

    def on_validation_epoch_end(self) -> None:
        self._log_score("val", self.val_scores.compute())

    def on_test_epoch_end(self) -> None:
        self._log_score("test", self.test_scores.compute())

    def _answers(self, batch: Sequence[Any], scores: Scores) -> tuple[Tensor, Tensor]:
        """(B, 10) output activations and (B,) costs of a batch's examples, which also count for the split's scores."""
        images, labels = batch[0], batch[1]
        activations = _at_least_float32(self(images))
        costs = self.cost(activations, labels)
        scores.update(costs, activations, labels)
        return activations, costs

    def _note_learning_rate(self) -> float:
        """η of the weight update that comes next; at the end of the epoch, that of the last one is logged."""
        self._last_learning_rate = float(self.trainer.optimizers[0].param_groups[0]["lr"])
        return self._last_learning_rate

    def _log_score(self, split: str, score: Score) -> None:
        for name, value in score._asdict().items():
            self.log(f"{split}/{name}", value.float())


def _at_least_float32(activations: Tensor) -> Tensor:
    """Costs are summed in no less, whatever precision the net computes in."""
    return activations.to(torch.promote_types(activations.dtype, torch.float32))


def _check_hidden_sizes(sizes: list[int]) -> None:
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise InputError(f"hidden_sizes is {sizes}; give a list of numbers of neurons, each 1 or more, such as [300].")


def _check_targets(values: tuple[float, float], cost_function: str, output_activation: str) -> None:
    off, on = values
    if not (math.isfinite(off) and math.isfinite(on) and off < on):
        raise InputError(f"target_values is {[off, on]}; give two numbers, the lower first, such as [0, 1].")
    if cost_function == "cross_entropy" and (output_activation != "sigmoid" or off < 0 or on > 1):
        raise InputError(
            "cost_function is cross_entropy, which compares numbers from 0 to 1; it goes with output_activation "
            "sigmoid and target_values from 0 to 1."
        )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")


def _check_not_negative(name: str, value: float, hint: str) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{name} is {value}; {hint}.")


def _check_positive(name: str, value: float, hint: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{name} is {value}; it must be a number above 0: {hint}.")
