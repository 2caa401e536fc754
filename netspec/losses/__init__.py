"""Every loss, one file each. Importing the package fills `LOSSES`."""

from . import bce, content, cross_entropy, gram, hinge, huber, l1, mse, nll
from .loss import LOSSES, Loss

__all__ = ["LOSSES", "Loss", "bce", "content", "cross_entropy", "gram", "hinge", "huber", "l1", "mse", "nll"]
