"""The net of the article: forward propagation, cost, weight update. Lightning's Trainer connects them.

For each mini-batch the Trainer calls `training_step` for the average cost C, computes the gradient dC/dw by autograd
(back propagation, written out in backprop.py), and steps the optimizer, which updates the weights.
"""

from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_mlp.activations import ACTIVATIONS, ActivationName
from mnist_mlp.backprop import CostName
from mnist_mlp.checks import check_net_settings
from mnist_mlp.initialization import InitName, initialize
from mnist_mlp.metrics import Metrics, at_least_float32
from mnist_mlp.resume import ExactResume
from mnist_mlp.schedule import Schedule, ScheduleName, run_length

N_INPUTS, N_OUTPUTS = 28 * 28, 10


class SigmoidMLP(L.LightningModule):
    """784 input neurons, some hidden layers, 10 output neurons. The largest output activation is the guess.

    Args:
        hidden_sizes: neurons of each hidden layer; [] for none.
        activation: σ of the hidden layers.
        output_activation: σ of the output layer. The article's is the sigmoid; others are for published recipes.
        target_values: the target of an output neuron for other digits than its own, and for its own.
        cost_function: "mse", the article's mean squared error, or "cross_entropy" to compare with it.
        bias: whether neurons have a bias. Without it, a weight only changes the sigmoid's steepness.
        learning_rate: η. Useful values for this cost are 1 to 30 (configs/README.md, "The learning rate").
        lr_schedule: how η changes over the run.
        lr_warmup_epochs: number of epochs over which η first rises linearly to `learning_rate`; may be a fraction.
        lr_step_epochs: number of epochs after which the "step" schedule multiplies η by `lr_step_factor`.
        lr_step_factor: see `lr_step_epochs`.
        init: how the initial weights and biases are drawn (initialization.py).
        n_inputs: number of input neurons; other than 784 for other data, such as XOR.
        n_outputs: number of output neurons, one for each label from 0 on; for other data.

    Raises:
        InputError: an argument is out of range.
    """

    example_input_array = property(lambda net: net.linear_layers[0].weight.new_zeros(1, net.hparams["n_inputs"]))

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
        init: InitName = "glorot",
        n_inputs: int = N_INPUTS,
        n_outputs: int = N_OUTPUTS,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_net_settings(self.hparams)
        self.last_learning_rate = learning_rate
        sizes = [n_inputs, *hidden_sizes, n_outputs]
        self.layers = nn.ModuleList(nn.Linear(n, m, bias=bias) for n, m in zip(sizes, sizes[1:], strict=False))
        initialize(self.linear_layers, init)
        self.activation, self.output_activation = ACTIVATIONS[activation].sigma, ACTIVATIONS[output_activation].sigma
        self.train_metrics, self.val_metrics, self.test_metrics = (Metrics(n_outputs) for _ in range(3))

    def forward(self, images: Tensor) -> Tensor:
        """Forward propagation, z = W a + b and a = σ(z), layer by layer: (B, 1, 28, 28) or (B, 784) -> (B, 10)."""
        a = images.flatten(1)
        for layer in self.layers[:-1]:
            a = self.activation(layer(a))
        return self.output_activation(self.layers[-1](a))

    def cost(self, activations: Tensor, labels: Tensor) -> Tensor:
        """The cost of each example, (B, 10) -> (B,): the squared errors against the one-hot target, divided by 10."""
        return self.cost_terms(activations, self.targets(labels, activations.dtype)).mean(dim=1)

    def cost_terms(self, a: Tensor, y: Tensor) -> Tensor:
        """The part of each output neuron, with activation a and target y, in the cost: (..., 10) -> (..., 10)."""
        function = F.mse_loss if self.hparams["cost_function"] == "mse" else F.binary_cross_entropy
        return function(a, y, reduction="none")

    def targets(self, labels: Tensor, dtype: torch.dtype) -> Tensor:
        """One-hot targets, 1 at the digit and 0 elsewhere: (B,) -> (B, 10)."""
        off, on = (float(value) for value in self.hparams["target_values"])
        return F.one_hot(labels, self.hparams["n_outputs"]).to(dtype) * (on - off) + off

    def training_step(self, batch: Sequence[Any], batch_idx: int) -> Any:
        """The average cost C(w) of a mini-batch: the mean of the costs of its examples."""
        _, costs = self._evaluate(batch, self.train_metrics)
        cost = costs.sum() / (batch[2] if len(batch) > 2 else len(costs))  # batch[2]: SharedMiniBatch.size
        self.last_learning_rate = float(self.trainer.optimizers[0].param_groups[0]["lr"])
        # As a tensor the rate stays on the CPU. Lightning copies numbers to the accelerator.
        self.log_dict({"update/mini_batch_cost": cost, "update/learning_rate": torch.tensor(self.last_learning_rate)})
        return cost

    def configure_optimizers(self) -> Any:
        """The weight update w(t+1) = w(t) - η dC/dw, without momentum; η follows the schedule, update by update."""
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams["learning_rate"], momentum=0.0)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self.schedule().factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def schedule(self) -> Schedule:
        """η of each weight update of the run in the attached Trainer."""
        return Schedule.of_run(self.hparams, *run_length(self.trainer))

    def validation_step(self, batch: Sequence[Any], batch_idx: int) -> Tensor:
        return self._evaluate(batch, self.val_metrics)[0]  # (B, 10), for callbacks

    def test_step(self, batch: Sequence[Any], batch_idx: int) -> None:
        self._evaluate(batch, self.test_metrics)

    def predict_step(self, batch: Any, batch_idx: int) -> Any:
        """The output activations, (B, 10), of images or of pairs (images, labels)."""
        return self(batch[0] if isinstance(batch, (tuple, list)) else batch)

    def _evaluate(self, batch: Sequence[Any], metrics: Metrics) -> tuple[Tensor, Tensor]:
        """Output activations (B, 10) and costs (B,) of a batch, in float32 or more, also counted in the metrics."""
        activations = at_least_float32(self(batch[0]))
        costs = self.cost(activations, batch[1])
        metrics.update(costs, activations, batch[1])
        return activations, costs

    def on_train_epoch_end(self) -> None:
        self.log_dict({"train/learning_rate": self.last_learning_rate, **self.train_metrics.compute("train")})

    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.val_metrics.compute("val"))

    def on_test_epoch_end(self) -> None:
        self.log_dict(self.test_metrics.compute("test"))

    def configure_callbacks(self) -> list[L.Callback]:
        return ExactResume.unless_present(self.trainer)

    @property
    def linear_layers(self) -> list[nn.Linear]:
        """The layers from the first hidden one to the output, each with W (m, n) and b (m,)."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]
