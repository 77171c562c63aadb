"""TODO training.quiet."""

import logging
import warnings


def silence_lightning() -> None:
    """Lightning's hints to the programmer are not for the one who runs the command."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated.*")
    # The scores are already those of all processes: torchmetrics sees to that.
    warnings.filterwarnings("ignore", message="It is recommended to use .*sync_dist=True.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    # MNISTData keeps how far the epoch has got, and goes on there.
    warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty.*")
