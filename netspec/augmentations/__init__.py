"""Every augmentation, one file each, called as its word is."""

from ..words.augmentation import AUGMENTATIONS, Augmentation, each, need_places

__all__ = ["AUGMENTATIONS", "Augmentation", "each", "need_places"]
