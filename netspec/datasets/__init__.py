"""Every data set, one file each, called as its word is."""

from ..words.dataset import DATASETS, Data, DataError, Dataset, Lazy, Pairs, Request

__all__ = ["DATASETS", "Data", "DataError", "Dataset", "Lazy", "Pairs", "Request"]
