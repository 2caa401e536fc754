"""Every augmentation, one file each. Importing the package fills `AUGMENTATIONS`."""

from . import brightness, contrast, crop, flip, noise, saturation
from .augmentation import AUGMENTATIONS, Augmentation

__all__ = ["AUGMENTATIONS", "Augmentation", "brightness", "contrast", "crop", "flip", "noise", "saturation"]
