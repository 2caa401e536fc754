"""Memory that vector code likes: aligned to cache lines, and large blocks to huge pages.

With ordinary 4 KiB pages a step's time depends on where the system happened to put them: neighbours in an array may
compete for the same sets of the second-level cache, and every page costs an entry of the TLB. A block aligned to
2 MiB that asks for huge pages is contiguous in memory, so a program runs at the same speed in every process.
"""

from __future__ import annotations

import contextlib
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LINE = 64
HUGE = 2 << 20
LARGE = 1 << 20  # from here on a block gets pages of its own
# Pages that a fork copies. Those that Python asks for unless it is told otherwise are one memory for parent and child, and an
# address that either writes into a table of its own would be read by the other.
_OWN: dict[str, int] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def aligned(size: int, dtype: DTypeLike = np.uint8) -> NDArray[Any]:
    """`size` zeros of a dtype. The memory is freed with the last array that looks into it."""
    kind = np.dtype(dtype)
    nbytes = size * kind.itemsize
    if nbytes >= LARGE:
        try:
            return _pages(nbytes)[:nbytes].view(kind)
        except (OSError, ValueError, OverflowError):
            pass  # the allocator below says what is wrong, if anything is
    block = np.zeros(nbytes + LINE, np.uint8)
    start = -block.ctypes.data % LINE
    return block[start : start + nbytes].view(kind)


def _pages(nbytes: int) -> NDArray[np.uint8]:
    """Pages from the system, zero when first touched. They go back to it when no array refers to them."""
    whole = -(-nbytes // HUGE) * HUGE if nbytes >= HUGE else -(-nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    region = mmap.mmap(-1, whole + HUGE, **_OWN)
    block = np.frombuffer(region, np.uint8)
    start = -block.ctypes.data % HUGE
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is not None:
        with contextlib.suppress(OSError):  # a kernel without them
            region.madvise(advice, start, whole)
    return block[start : start + whole]
