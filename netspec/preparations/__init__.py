"""Every preparation of inputs, one file each, called as its word is."""

from ..words.preparation import PREPARATIONS, Preparation, buffer, stated, together

__all__ = ["PREPARATIONS", "Preparation", "buffer", "stated", "together"]
