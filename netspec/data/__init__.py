"""Data: the digits that come with netspec, and what a `data` line of a train section names."""

from ..words.dataset import Data, DataError
from .sources import digits, load

__all__ = ["Data", "DataError", "digits", "load"]
