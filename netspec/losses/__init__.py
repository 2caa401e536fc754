"""Every loss, one file each. Importing the package fills `LOSSES`."""

from . import cross_entropy, mse
from .loss import LOSSES, Loss

__all__ = ["LOSSES", "Loss", "cross_entropy", "mse"]
