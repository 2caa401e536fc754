"""Every loss, one file each, called as its word is."""

from ..words.loss import LOSSES, Loss

__all__ = ["LOSSES", "Loss"]
