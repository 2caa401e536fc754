"""Every data set, one file each, called as its word is."""

from ..words.dataset import DATASETS, Dataset

__all__ = ["DATASETS", "Dataset"]
