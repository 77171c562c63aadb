"""The training command: its options, checkpoints, progress, watchdogs, and what it prints."""
