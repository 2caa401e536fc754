"""Every augmentation, one file each, called as its word is."""

from ..words.augmentation import AUGMENTATIONS, Augmentation

__all__ = ["AUGMENTATIONS", "Augmentation"]
