"""Lightning's hints to programmers, which the users of a command do not need."""

import logging
import re
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
    # best.ckpt waits for the first validation (--trainer.check_val_every_n_epoch).
    ".*ModelCheckpoint.monitor='val/accuracy'.* could not find the monitored key.*",
)

# Beginnings of information messages that no option asks for, each with the reason why it is not needed.
UNASKED = (
    # The headline names the device.
    r"(GPU|TPU|HPU) available: ",
    r"LOCAL_RANK: \d+ - CUDA_VISIBLE_DEVICES",
    # The headline names the seed.
    r"(\[rank: \d+\] )?Seed set to ",
    # The last line of the epochs shows it.
    r"`Trainer\.fit` stopped: ",
    # The options --ckpt_path and --trainer.precision say it.
    r"Restoring states from the checkpoint path",
    r"(Restored all states|Loaded model weights) from the checkpoint",
    r"Lightning automatically upgraded your loaded checkpoint",
    r"Using (16bit|bfloat16) Automatic Mixed Precision",
    r"`Trainer\(\w+=1(\.0)?\)` was configured so ",
    # The command prints a note of its own (training/checkpoints.py).
    r"\s*Detected KeyboardInterrupt",
    r"(\[rank: \d+\] )?(Received|Bypassing) SIGTERM",
    # So does a job of SLURM when it is requeued (training/requeue.py).
    r"SLURM auto-requeueing enabled",
    # The net brings ExactResume along for the training, and again for the test.
    r"The following callbacks returned in `LightningModule\.configure_callbacks` will override",
    # It is said when a checkpoint is written, and is about reading one.
    r"`weights_only` was not set",
    # Work that every run does.
    r"Loading `train_dataloader` to estimate number of stepping batches",
    r"Initializing distributed: ",
    r"-+\s*distributed_backend=",
    # Advertising, and advice on settings that would change the numbers.
    "💡 Tip: ",
    r"You are using a CUDA device .* that has Tensor Cores",
    r"Your model can run with static graph optimizations",
)


class _Asked(logging.Filter):
    """Drops the messages that no option asks for. A profiler's report, a model summary and the like are printed."""

    def __init__(self) -> None:
        super().__init__()
        self._unasked = re.compile("|".join(UNASKED))

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno != logging.INFO or self._unasked.match(record.getMessage()) is None


_ASKED = _Asked()


def silence_lightning() -> None:
    """Turn off the information messages and the warnings above."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        for handler in logging.getLogger(name).handlers:  # a logger's own filters do not see its children's messages
            handler.addFilter(_ASKED)
    for message in IGNORED:
        warnings.filterwarnings("ignore", message=message)
