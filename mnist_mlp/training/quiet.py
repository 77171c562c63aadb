"""Lightning's hints to programmers, which the users of a command do not need."""

import logging
import warnings

# Patterns of warnings, each with the reason why it does not apply here.
IGNORED = (
    # Lightning uses a part of torch that is deprecated.
    ".*LeafSpec.* is deprecated.*",
    # The logged metrics are already those of all processes: torchmetrics combines them.
    "It is recommended to use .*sync_dist=True.*",
    # An epoch of few mini-batches logs no single updates. The curve by epoch is complete.
    ".*smaller than the logging interval.*",
    # MNISTData saves its position in the epoch, and ExactResume restores it (resume.py).
    ".*your dataloader is not resumable.*",
    # A resumed run continues in its own folder.
    "Checkpoint directory .* exists and is not empty.*",
)


def silence_lightning() -> None:
    """Turn off Lightning's information messages, such as those on the devices it found, and the warnings above."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in IGNORED:
        warnings.filterwarnings("ignore", message=message)
