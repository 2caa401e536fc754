"""Tables whose kernels are compiled together, before the table is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ....garbage import none_expected
from ....waiting import wait
from ...turns import Turn
from ..llvm.cache import postponed
from ..llvm.processes import compile_all
from .workers import get_threads, ready

T = TypeVar("T")
_compiling = Turn()  # what is missing is compiled for one caller at a time: the next finds it


def gathered(record: Callable[[], T]) -> T:
    """Record with everything compiled that is missing, by several processes where it is much."""
    with wait("loading kernels"):
        with postponed() as missing, none_expected():
            ready()
            made = record()
        if missing:
            with _compiling.lock:
                compile_all(missing, get_threads())
            with none_expected():
                made = record()
    return made
