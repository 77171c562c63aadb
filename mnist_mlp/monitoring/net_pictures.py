"""Pictures of the net in TensorBoard while it trains.

They are drawn before training, after 1, 2, 4, 8, ... epochs, so that a long run has few of them, and at the end.
Drawing does not change the training: weights, gradients, modes and random number generators stay as they are.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from mnist_mlp.data.class_names import DIGITS
from mnist_mlp.data.loader import SplitDataset, sampler_of
from mnist_mlp.data.sampler import MiniBatchSampler
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring import drawing
from mnist_mlp.monitoring.layer_statistics import in_evaluation, layer_statistics
from mnist_mlp.monitoring.writer import add_histogram, add_picture, tensorboard_logger

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

INSPECTED = 200  # images for activations, saturation and gradients
PREDICTED = 1_000  # images for the confusion matrix, unless a validation has just computed the outputs for its images
MISTAKES = 12


class Split(NamedTuple):
    """The images that all pictures of a run are made from, in a fixed order.

    name: "validation", or "training" in a run without validation.
    dataset: its images.
    sampler: their mini-batches.
    """

    name: str
    dataset: SplitDataset
    sampler: MiniBatchSampler

    def first(self, n: int) -> Tensor:
        """Return the indices (n,) of the first n images, or of all images if there are fewer."""
        return self.dataset.indices[:n]

    def one_of_each(self) -> Tensor:
        """Return the indices (10,) of the first image of each digit; fewer if a small split lacks a digit."""
        labels = self.labels(self.first(PREDICTED)).cpu()
        return self.first(PREDICTED)[[int((labels == digit).nonzero()[0]) for digit in labels.unique()]]

    def as_validated(self) -> Tensor:
        """Return the indices of the images that this process validates on, in the order of validation."""
        rank, world_size = self.sampler.rank, self.sampler.world_size
        mini_batches = self.dataset.indices.split(self.sampler.batch_size)
        return torch.cat([indices[rank::world_size] for indices in mini_batches])

    def images(self, indices: Tensor) -> Tensor:
        """Return the images (N, 28, 28) uint8, on the device of training."""
        images = self.dataset.examples.images
        return images[indices.to(images.device)]

    def labels(self, indices: Tensor) -> Tensor:
        """Return the digits (N,)."""
        labels = self.dataset.examples.labels
        return labels[indices.to(labels.device)]

    def activations(self, net: SigmoidMLP, indices: Tensor) -> Tensor:
        """Return the output activations (N, 10) for these images."""
        images = self.dataset.preprocessing(self.images(indices)).to(net.linear_layers[0].weight.dtype)
        with torch.no_grad():
            activations: Tensor = net(images)
        return activations


class Pictures(Callback):
    """Show first-layer weights, distributions and saturation per layer, predictions and mistakes at several epochs.

    The images come from the validation split, or from the training split in a run without validation; never from the
    test split. Nothing is drawn in a run that does not log to TensorBoard or does not take its images from `MNISTData`.

    Args:
        on: False draws nothing.
    """

    counts_blocks = True  # only looks, at whole epochs (fast/eligibility.py)

    def __init__(self, on: bool = True) -> None:
        self.on = on
        self._outputs: list[Tensor] = []  # of the last validation, one (B, 10) for each mini-batch
        self._validated_update = -1  # the number of weight updates at the last validation
        self._drawn_epoch = -1
        # The run shows the same few digits at each epoch.
        self._digits = torch.empty(0, dtype=torch.int64)  # (N,) their indices
        self._history: dict[int, Tensor] = {}  # by epoch, their output activations (N, 10)

    def state_dict(self) -> dict[str, Any]:
        """Return the digits and their history, so that a resumed run continues it."""
        return {"digits": self._digits, "history": dict(self._history)} if self._history else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._digits, self._history = state_dict["digits"], dict(state_dict["history"])

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.global_step == 0:
            self._history.clear()
            self._draw(trainer, pl_module, epoch=0)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._outputs.clear()
        self._validated_update = trainer.global_step

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep the outputs of validation, so that they are not computed again."""
        if isinstance(outputs, Tensor):
            self._outputs.append(outputs)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch & (epoch - 1) == 0:  # a power of two
            self._draw(trainer, pl_module, epoch)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch != self._drawn_epoch:
            self._draw(trainer, pl_module, trainer.current_epoch)

    def _draw(self, trainer: L.Trainer, net: L.LightningModule, epoch: int) -> None:
        """Draw everything after `epoch` completed epochs."""
        logger, split = tensorboard_logger(trainer), _split(trainer)
        if not self.on or not isinstance(net, SigmoidMLP) or logger is None or split is None:
            return
        self._drawn_epoch = epoch
        with in_evaluation(net):
            _draw_layers(logger.experiment, net, split, epoch)
            if epoch > 0:  # the predictions of an untrained net mean nothing
                _draw_predictions(logger.experiment, net, split, *self._predictions(trainer, net, split), epoch)
            self._draw_history(logger.experiment, net, split, epoch)

    def _predictions(self, trainer: L.Trainer, net: SigmoidMLP, split: Split) -> tuple[Tensor, Tensor]:
        """Return indices of images (N,) and the output activations for them (N, 10)."""
        if self._outputs and self._validated_update == trainer.global_step:
            activations = torch.cat(self._outputs)
            return split.as_validated()[: len(activations)], activations
        return split.first(PREDICTED), split.activations(net, split.first(PREDICTED))

    def _draw_history(self, writer: "SummaryWriter", net: SigmoidMLP, split: Split, epoch: int) -> None:
        """Draw the output activations for one image of each digit, at all epochs so far."""
        digits = split.one_of_each()
        if not torch.equal(digits, self._digits):  # a resumed run may have another split
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
            split.dataset.class_names,
        )
        add_picture(writer, "3 pictures/outputs over epochs", page, epoch)


def _draw_layers(writer: "SummaryWriter", net: SigmoidMLP, split: Split, epoch: int) -> None:
    """Draw the first-layer weights, and the distributions and gradients of each layer."""
    indices = split.first(INSPECTED)
    layers = layer_statistics(net, split.dataset.preprocessing(split.images(indices)), split.labels(indices))
    add_picture(writer, "3 pictures/first-layer weights", drawing.weight_tiles(layers[0].weights), epoch)
    for layer in layers:
        add_histogram(writer, f"weights/{layer.name}", layer.weights, epoch)
        add_histogram(writer, f"biases/{layer.name}", layer.biases, epoch)
        add_histogram(writer, f"activations/{layer.name}", layer.activations, epoch)
        add_histogram(writer, f"gradients of weights/{layer.name}", layer.weight_gradient, epoch)
        add_histogram(writer, f"gradients of biases/{layer.name}", layer.bias_gradient, epoch)
        writer.add_scalar(f"saturated units/{layer.name}", layer.saturated, epoch)
        if layer.weight_gradient is not None:
            root_mean_square = float(layer.weight_gradient.float().square().mean().sqrt())
            writer.add_scalar(f"gradient root mean square/{layer.name}", root_mean_square, epoch)


def _draw_predictions(
    writer: "SummaryWriter", net: SigmoidMLP, split: Split, indices: Tensor, activations: Tensor, epoch: int
) -> None:
    """Draw the confusion matrix and the most confident mistakes: those with the largest output activation."""
    activations = activations.float().cpu().nan_to_num(0.0)
    labels = split.labels(indices).cpu()
    confidence, predicted = activations.max(dim=1)
    names = split.dataset.class_names
    confusion = multiclass_confusion_matrix(predicted, labels, num_classes=10, validate_args=False)
    n_shown = max(len(names), int(predicted.max()) + 1)
    page = drawing.confusion_matrix(confusion[:n_shown, :n_shown], f"{split.name} images", names)
    add_picture(writer, "3 pictures/confusion matrix", page, epoch)

    wrong = (predicted != labels).nonzero().flatten()
    shown = wrong[confidence[wrong].argsort(descending=True, stable=True)][:MISTAKES]
    captions = (
        f"the {len(shown)} most confident of {len(wrong):,} mistakes on",
        f"{len(labels):,} {split.name} images; blue: the correct {'digit' if names == DIGITS else 'class'}",
    )
    images, heights = split.images(indices[shown]).cpu(), net.hparams["target_values"]
    page = drawing.mistakes(images, activations[shown], labels[shown], heights, *captions, names=names)
    add_picture(writer, "3 pictures/most confident mistakes", page, epoch)


def _split(trainer: L.Trainer) -> Split | None:
    """Return the split to draw from, or None if the run does not take its images from `MNISTData`."""
    for name, loader in (("validation", trainer.val_dataloaders), ("training", trainer.train_dataloader)):
        sampler = sampler_of(loader)
        if sampler is not None:
            return Split(name, loader.dataset, sampler)  # type: ignore[union-attr]
    return None
