"""What a line of a train section may begin with, besides the name of an optimiser."""

from __future__ import annotations

SETTINGS = ("data", "loss", "schedule", "metric", "batch", "epochs", "accumulate", "drop_last", "precision", "average",
            "initialise", "augment", "regularise")
OF_OPTIMISER = ("lr", "momentum", "decay", "nesterov")  # said in its line, and by newcomers in one of their own
ALSO = {"augmentation": "augment", "regularisation": "regularise", "regularize": "regularise"}  # understood too
