"""Every augmentation, one file each, called as its word is."""

from ..words.augmentation import AUGMENTATIONS, Augmentation, Mixing, clipped, each, need_channels, need_places, need_plane, span

__all__ = ["AUGMENTATIONS", "Augmentation", "Mixing", "clipped", "each", "need_channels", "need_places", "need_plane", "span"]
