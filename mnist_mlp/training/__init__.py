"""The parts of the training command: options, checkpoints, progress, watchdogs and the final report."""
