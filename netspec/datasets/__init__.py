"""Every data set, one file each, called as its word is."""

from ..words.dataset import DATASETS, DataError, Dataset, Pairs

__all__ = ["DATASETS", "DataError", "Dataset", "Pairs"]
