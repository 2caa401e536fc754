"""Every update rule, one file each, called as its word is."""

from ..words.optimiser import OPTIMISERS, Optimiser

__all__ = ["OPTIMISERS", "Optimiser"]
