"""Pictures for TensorBoard: of a net while it is trained, and of the deformed images that it learns from.

A net is shown before training, after as many epochs as a power of two, so that a long run has few pictures, and at the
end. Nothing that training does or remembers is touched: weights, gradients, modes and random generators.
"""

from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from mnist_mlp.data.loader import MiniBatches
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring import drawing
from mnist_mlp.monitoring.layer_statistics import in_evaluation, layer_statistics
from mnist_mlp.monitoring.writer import add_histogram, add_picture, tensorboard_logger

INSPECTED = 200  # images, for activations, saturation and gradients
ANSWERED = 1_000  # images, for the confusion matrix where no validation has just answered more
MISTAKES = 12


class Split(NamedTuple):
    """The images that a run's pictures are made from, in one order for all of them.

    name: "validation", or "training" in a run without validation.
    """

    name: str
    batches: MiniBatches

    def first(self, n: int) -> Tensor:
        """Indices of the first n images; (n,), or fewer if there are fewer."""
        return self.batches.indices[:n]

    def one_of_each(self) -> Tensor:
        """Indices of the first image of each digit; (10,), or fewer if the split is small."""
        labels = self.labels(self.first(ANSWERED)).cpu()
        return self.first(ANSWERED)[[int((labels == digit).nonzero()[0]) for digit in labels.unique()]]

    def as_validated(self) -> Tensor:
        """Indices of the images that a validation shows to this process, in the order in which it does."""
        batches = self.batches
        return torch.cat(
            [part[batches.rank :: batches.world_size] for part in batches.indices.split(batches.batch_size)]
        )

    def images(self, indices: Tensor) -> Tensor:
        """(N, 28, 28) uint8, on the device of training."""
        images = self.batches.examples.images
        return images[indices.to(images.device)]

    def labels(self, indices: Tensor) -> Tensor:
        """(N,) the digits."""
        labels = self.batches.examples.labels
        return labels[indices.to(labels.device)]

    def activations(self, net: SigmoidMLP, indices: Tensor) -> Tensor:
        """(N, 10) of the output neurons."""
        images = self.batches.preprocessing(self.images(indices)).to(net.linear_layers[0].weight.dtype)
        with torch.no_grad():
            activations: Tensor = net(images)
        return activations


class Pictures(Callback):
    """Shows the net at several epochs of a run: first-layer weights, distributions per layer, saturation, answers.

    All are made from the validation split, or in a run without one from training images; the test split is not read.
    A run that does not log to TensorBoard, or whose data is no `MNISTData`, has no pictures.

    Args:
        on: whether at all.
    """

    def __init__(self, on: bool = True) -> None:
        self.on = on
        self._outputs: list[Tensor] = []  # of the last validation
        self._outputs_of_update = -1
        self._drawn = -1
        # The same few digits over the whole run: their indices (N,); and by epoch, (N, 10) their output activations.
        self._digits = torch.empty(0, dtype=torch.int64)
        self._history: dict[int, Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        """A run that is resumed goes on with the history of its digits."""
        return {"digits": self._digits, "history": dict(self._history)} if self._history else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._digits, self._history = state_dict["digits"], dict(state_dict["history"])

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.global_step == 0:
            self._history.clear()
            self._draw(trainer, pl_module, epoch=0)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._outputs.clear()
        self._outputs_of_update = trainer.global_step

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """What validation has computed is not computed again."""
        if isinstance(outputs, Tensor):
            self._outputs.append(outputs)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch & (epoch - 1) == 0:  # a power of two
            self._draw(trainer, pl_module, epoch)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch != self._drawn:
            self._draw(trainer, pl_module, trainer.current_epoch)

    def _draw(self, trainer: L.Trainer, net: L.LightningModule, epoch: int) -> None:
        """Everything, after so many epochs."""
        logger, split = tensorboard_logger(trainer), _split(trainer)
        if not self.on or not isinstance(net, SigmoidMLP) or logger is None or split is None:
            return
        self._drawn = epoch
        with in_evaluation(net):
            _draw_layers(logger.experiment, net, split, epoch)
            if epoch > 0:  # before, the answers say nothing
                _draw_answers(logger.experiment, net, split, *self._answers(trainer, net, split), epoch)
            self._draw_history(logger.experiment, net, split, epoch)

    def _answers(self, trainer: L.Trainer, net: SigmoidMLP, split: Split) -> tuple[Tensor, Tensor]:
        """Indices of images (N,), and the output activations for them (N, 10)."""
        if self._outputs and self._outputs_of_update == trainer.global_step:
            activations = torch.cat(self._outputs)
            return split.as_validated()[: len(activations)], activations
        return split.first(ANSWERED), split.activations(net, split.first(ANSWERED))

    def _draw_history(self, writer: Any, net: SigmoidMLP, split: Split, epoch: int) -> None:
        """The output activations for the same digits, one of each kind, at all epochs so far."""
        digits = split.one_of_each()
        if not torch.equal(digits, self._digits):  # a resumed run may have got another split
            self._digits = digits
            self._history.clear()
        self._history[epoch] = split.activations(net, digits).float().cpu()
        epochs = sorted(self._history)
        page = drawing.outputs_over_epochs(
            split.images(digits).cpu(),
            torch.stack([self._history[epoch] for epoch in epochs]),
            split.labels(digits).cpu(),
            net.hparams["target_values"],
            epochs,
        )
        add_picture(writer, "pictures/outputs_over_epochs", page, epoch)


def _draw_layers(writer: Any, net: SigmoidMLP, split: Split, epoch: int) -> None:
    """First-layer weights; and per layer, what is in it and what back propagation brings to it."""
    indices = split.first(INSPECTED)
    layers = layer_statistics(net, split.batches.preprocessing(split.images(indices)), split.labels(indices))
    add_picture(writer, "pictures/first_layer_weights", drawing.weight_tiles(layers[0].weights), epoch)
    for layer in layers:
        add_histogram(writer, f"weights/{layer.name}", layer.weights, epoch)
        add_histogram(writer, f"biases/{layer.name}", layer.biases, epoch)
        add_histogram(writer, f"activations/{layer.name}", layer.activations, epoch)
        add_histogram(writer, f"gradients_of_weights/{layer.name}", layer.weight_gradient, epoch)
        add_histogram(writer, f"gradients_of_biases/{layer.name}", layer.bias_gradient, epoch)
        writer.add_scalar(f"saturated_units/{layer.name}", layer.saturated, epoch)
        if layer.weight_gradient is not None:
            size = float(layer.weight_gradient.float().square().mean().sqrt())
            writer.add_scalar(f"gradient_root_mean_square/{layer.name}", size, epoch)


def _draw_answers(writer: Any, net: SigmoidMLP, split: Split, indices: Tensor, activations: Tensor, epoch: int) -> None:
    """The confusion matrix, and the mistakes of which the net is surest."""
    activations = activations.float().cpu().nan_to_num(0.0)
    labels = split.labels(indices).cpu()
    sureness, guesses = activations.max(dim=1)
    confusion = multiclass_confusion_matrix(guesses, labels, num_classes=10, validate_args=False)
    page = drawing.confusion_matrix(confusion, f"{split.name} images")
    add_picture(writer, "pictures/confusion_matrix", page, epoch)

    wrong = (guesses != labels).nonzero().flatten()
    surest = wrong[sureness[wrong].argsort(descending=True, stable=True)][:MISTAKES]
    captions = (
        f"the {len(surest)} surest of {len(wrong):,} mistakes on",
        f"{len(labels):,} {split.name} images; blue: the right digit",
    )
    images, heights = split.images(indices[surest]).cpu(), net.hparams["target_values"]
    page = drawing.mistakes(images, activations[surest], labels[surest], heights, *captions)
    add_picture(writer, "pictures/most_confident_mistakes", page, epoch)


def _split(trainer: L.Trainer) -> Split | None:
    """None if the data is no `MNISTData`."""
    for name, batches in (("validation", trainer.val_dataloaders), ("training", trainer.train_dataloader)):
        if isinstance(batches, MiniBatches):
            return Split(name, batches)
    return None
