"""A pause for Python's cycle collector while a large structure is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def none_expected() -> Iterator[None]:
    """Nothing made inside is garbage before it ends, and looking for some takes a third of the time.

    At the end everything made counts as old, so that the next collection does not walk through it either: `freeze` and
    `unfreeze` move whole generations without looking at one object. Where someone else has frozen objects, they stay so.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()
