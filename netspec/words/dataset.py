"""What a data set is: what a `data` line of a train section can name. One class in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..diagnostics import Diagnostic, NetspecError
from .faults import guard
from .registry import Registry
from .word import REQUIRED, Word, arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ir.types import Shape

Arrays = Any  # an array, or a dict of them by the names of the inputs or outputs; each a NumPy array or Lazy
Wants = Literal["classes", "numbers", "nothing"]  # targets: numbers of classes, other numbers, or none
Pair = tuple[Arrays, Arrays]  # inputs and targets
Pairs = tuple[Pair, Pair | None]  # training examples, and test examples where there are any

DATASETS: Registry[Dataset] = Registry("data set", "netspec.datasets")


class DataError(NetspecError):
    """Data that are not there, or do not hold what they should."""

    def __init__(self, title: str, *notes: str, hint: str | None = None, code: str = "bad-data"):
        super().__init__(Diagnostic(code, title, notes=notes, hint=hint))


class Lazy:
    """An array whose examples are made when they are asked for: pictures that are decoded as training needs them.

    It has a shape (examples first) and a dtype, and gives the examples of a slice or of an array of their numbers. What an
    example holds depends on its number alone, and any number of threads may ask at once.
    """

    shape: tuple[int, ...]
    dtype: Any
    word: Dataset | None = None  # the data set that gave it

    def __init_subclass__(cls, **kw: Any):
        super().__init_subclass__(**kw)
        guard(cls, Lazy, lambda array: array.word)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: Any) -> NDArray[Any]:
        import numpy as np

        numbers = range(*where.indices(len(self))) if isinstance(where, slice) else where
        out = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        for k, number in enumerate(numbers):
            out[k] = self.example(int(number))
        return out

    def called(self, number: int) -> str:
        """What messages call an example."""
        return f"example {number}"

    def example(self, number: int) -> NDArray[Any]:
        """One example, of `shape[1:]`. Raises DataError: where it lies, why it cannot be read, what mends it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Request:
    """For whom data are read."""

    folder: str | None = None  # where the spec lies; None where its text came from elsewhere
    inputs: Mapping[str, Shape] = field(default_factory=dict)  # of one example, channels first, by name; sizes may be open
    seed: int = 0  # decides which examples validate
    wants: Wants | None = None  # what the losses read; None where nobody says


@dataclass(frozen=True)
class Data:
    """The examples of a data set. `name` is what a person calls them."""

    name: str
    train: Pair
    test: Pair | None = None
    validation: Pair | None = None
    classes: tuple[str, ...] = ()  # by their number, where they have names
    remarks: tuple[str, ...] = ()  # what a person should know: pictures that are left out
    columns: tuple[str, ...] = ()  # what the numbers of a target are called, where they have names


class Dataset(Word):
    """Training examples, and test examples where there are any; its fields are its arguments in the `data` line."""

    def __init_subclass__(cls, name: str | None = None, abstract: bool = False, **kw: Any):
        super().__init_subclass__(**kw)
        DATASETS.add(cls, name, "data set", abstract)

    @property
    def title(self) -> str:
        """What a person calls it."""
        return str(self)

    def line(self, **changes: Any) -> str:
        """The `data` line that names it, or would with other arguments: for a hint."""
        return f"data {type(self)(**{**{a.field: getattr(self, a.field) for a in arguments(type(self))}, **changes})}"

    def load(self, folder: str | None) -> Pairs:
        """((x, y), (x_test, y_test)), or None for the second. Examples come first in every array. `folder` is where the spec
        lies; None where its text came from elsewhere. Raises WordError or DataError."""
        raise NotImplementedError

    def read(self, request: Request) -> Data:
        """What `load` gives, for a data set that needs no more than the folder; one with classes, examples for validation or
        pictures of the network's own size states this instead."""
        return made(self.title, self.load(request.folder))

    @property
    def foretold(self) -> bool:
        """Whether `outline` tells what `check` can hold the net to."""
        return type(self).outline is not Dataset.outline

    def outline(self, request: Request) -> Data | None:
        """What `read` would give, the numbers unread: zeros of the right shapes. None where only reading tells. Raises what
        `read` raises, as far as names of files and their beginnings tell."""
        return None


def without_arguments() -> list[str]:
    """The data sets that can be named by their word alone."""
    return [name for name, cls in DATASETS.sound().items() if all(a.default is not REQUIRED for a in arguments(cls))]


def made(name: str, pairs: Any) -> Data:
    """The examples of a data set, which has to give pairs of arrays."""
    if not isinstance(pairs, tuple) or len(pairs) != 2 or not all(p is None or (isinstance(p, tuple) and len(p) == 2)
                                                                  for p in pairs) or pairs[0] is None:
        raise DataError(f"the data {name} are not what training reads",
                        "load gives ((x, y), (x_test, y_test)), or ((x, y), None) where nothing is for testing")
    return Data(name, *pairs)
