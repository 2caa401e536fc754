"""What a data set is: what a `data` line of a train section can name. One class in one file."""

from __future__ import annotations

from typing import Any, ClassVar

from ..diagnostics import Diagnostic, NetspecError
from .registry import Registry
from .word import REQUIRED, Word, arguments

Arrays = Any  # an array, or a dict of them by the names of the inputs or outputs
Pair = tuple[Arrays, Arrays]  # inputs and targets
Pairs = tuple[Pair, Pair | None]  # training examples, and test examples where there are any

DATASETS: Registry[Dataset] = Registry("data set", "netspec.datasets")


class DataError(NetspecError):
    """Data that are not there, or do not hold what they should."""

    def __init__(self, title: str, *notes: str, hint: str | None = None, code: str = "bad-data"):
        super().__init__(Diagnostic(code, title, notes=notes, hint=hint))


class Dataset(Word):
    """Training examples, and test examples where there are any; its fields are its arguments in the `data` line."""

    heads: ClassVar[bool] = False  # whether `outline` says what `check` can hold the net to

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        DATASETS.add(cls, name, "data set", abstract)

    @property
    def title(self) -> str:
        """What a person calls it."""
        return str(self)

    def load(self, folder: str | None) -> Pairs:
        """((x, y), (x_test, y_test)), or None for the second. Examples come first in every array. `folder` is where the spec
        lies; None where its text came from elsewhere. Raises WordError or DataError."""
        raise NotImplementedError

    def outline(self, folder: str | None) -> Pairs | None:
        """What `load` would give, the numbers unread: zeros of the right shapes. None where only loading tells."""
        return None


def without_arguments() -> list[str]:
    """The data sets that can be named by their word alone."""
    return [name for name, cls in DATASETS.sound().items() if all(a.default is not REQUIRED for a in arguments(cls))]
