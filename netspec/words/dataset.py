"""What a `data` line of a train section can name; `data/sources.py` reads it."""

from __future__ import annotations

from typing import Any

from .registry import Registry
from .word import Word

DATASETS: Registry[Dataset] = Registry("data set", "netspec.datasets")


class Dataset(Word):
    """Training examples, and test examples where there are any. The function of the same name in `data/sources.py` is
    called with the arguments of the word, each by its name."""

    def __init_subclass__(cls, name: str | None = None, **kw: Any):
        super().__init_subclass__(**kw)
        DATASETS.add(cls, name, "data set")
