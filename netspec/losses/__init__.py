"""Every loss, one file each, called as its word is."""

from ..words.loss import LOSSES, Loss, Range, need_channels, pixels

__all__ = ["LOSSES", "Loss", "Range", "need_channels", "pixels"]
