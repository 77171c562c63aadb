"""Training in several processes: the weights of the test come from the first one, and the loss of one ends them all."""

import atexit
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import lightning as L
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from mnist_mlp.errors import EXIT_BAD_INPUT, InputError
from mnist_mlp.inference.checkpoint import read_checkpoint
from mnist_mlp.training.checkpoints import last_path
from mnist_mlp.training.launchers import launched_command

EXIT_LOST = 1
# What torch's communication libraries say if another process does not answer.
LOST = re.compile(r"connection (closed|reset|refused)|broken pipe|timed ?out|timeout|remote process|socket", re.I)


def checkpoint_of_test(trainer: L.Trainer, model: L.LightningModule, checkpoint: str | None) -> str | None:
    """Return the checkpoint that `trainer.test` has to load; None if the net has its weights already.

    With several processes, only the first one reads the checkpoint, because hosts need not share a folder. Before the
    test, Lightning's DDP strategy sends the weights of the first process to the others.

    Args:
        trainer: the Trainer, after training.
        model: the net.
        checkpoint: the checkpoint to test.

    Raises:
        InputError: the checkpoint cannot be read.
    """
    if checkpoint is None or trainer.world_size == 1 or not isinstance(trainer.strategy, DDPStrategy):
        return checkpoint
    if trainer.is_global_zero:
        model.load_state_dict(read_checkpoint(checkpoint)["state_dict"])
    return None


class LostProcess(Callback):
    """Says how to resume the run after another process has ended too early.

    Args:
        command: the command to resume with, without its options.
    """

    counts_blocks = True  # does nothing while all processes run (fast/eligibility.py)

    def __init__(self, command: str) -> None:
        self.command = command
        self._said = False

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Print the sentence at once. torchrun soon sends SIGTERM, and Lightning's handler waits for all processes."""
        if _is_loss(trainer, exception):
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self.say(trainer)

    def say(self, trainer: L.Trainer) -> None:
        """Print the sentence, once."""
        if self._said:
            return
        self._said = True
        sentence = "mnist_mlp: error: another process of this run has ended or no longer answers"
        if (last := last_path(trainer)) is not None:
            if not last.is_file():
                sentence += f"; copy {last.parent.parent} from the first host to this one"
            sentence += f"; resume the run with: {launched_command(self.command)} --ckpt_path {last}"
        print(sentence, file=sys.stderr, flush=True)


@contextmanager
def ends_with_others(trainer: L.Trainer) -> Iterator[None]:
    """Wait for the other processes of the run at the end.

    If one of them has ended too early, this process ends with code 1, after a sentence that says how to resume the run.
    """
    try:
        yield
        trainer.strategy.barrier()
        _skip_pythons_exit(0)
    except InputError:
        _skip_pythons_exit(EXIT_BAD_INPUT)
        raise
    except RuntimeError as error:
        if not _is_loss(trainer, error):
            raise
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, LostProcess):
                callback.say(trainer)
        sys.stdout.flush()
        os._exit(EXIT_LOST)  # the threads that wait for the lost process could keep Python's own exit waiting


def _skip_pythons_exit(code: int) -> None:
    """End this process without Python's own clean-up, which sometimes crashes in the threads that Gloo leaves running.

    `destroy_process_group` would end these threads, but with torch 2.6 it can wait for them for ever.
    """
    if dist.is_available() and dist.is_initialized():
        atexit.register(_exit_now, code)


def _exit_now(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _is_loss(trainer: L.Trainer, error: BaseException) -> bool:
    return trainer.world_size > 1 and isinstance(error, RuntimeError) and LOST.search(str(error)) is not None
