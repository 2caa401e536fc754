"""Whose code an unforeseen exception came from, as far as its traceback tells."""

from __future__ import annotations

import sys
import traceback
from typing import NamedTuple

from ..words import Word


class AtFault(NamedTuple):
    """A word whose code was running."""

    sort: str
    name: str
    place: str  # its file, and the line where it was left


def word_at_fault(e: BaseException) -> AtFault | None:
    """The word nearest to where the exception was raised: a method of it was running, its own or one that it inherits and
    should have defined."""
    for frame, line in reversed(list(traceback.walk_tb(e.__traceback__))):
        word = frame.f_locals.get("self")
        if not isinstance(word, Word):
            continue
        cls = type(word)
        file = getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__
        sort = next(c.__name__.lower() for c in reversed(cls.__mro__) if c is not Word and issubclass(c, Word))
        return AtFault(sort, cls.name, f"{file}:{line}" if frame.f_code.co_filename == file else file)
    return None
