"""A pause for Python's cycle collector while a large structure is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 2_000_000  # objects made in pauses before a full collection
_made = 0


@contextmanager
def none_expected() -> Iterator[None]:
    """Nothing made inside is garbage before it ends, and looking for some takes a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            _grow_old()
            gc.enable()


def _grow_old() -> None:
    """Everything made counts as old from here on, so that the next collection of the young does not walk through all of it:
    `freeze` and `unfreeze` move whole generations without looking at one object. The collector does not count what comes
    to be old in this way, so it is counted here; cycles that became garbage later would stay for ever."""
    global _made
    if gc.get_freeze_count():  # someone else's, who wants them to stay so
        return
    _made += gc.get_count()[0]
    if _made > MANY:
        _made = 0
        gc.collect()
    else:
        gc.freeze()
        gc.unfreeze()
