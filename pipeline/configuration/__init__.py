"""Options of a run and of a training, resolved from files and flags."""
