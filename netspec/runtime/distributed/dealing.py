"""Which worker takes which of the parts of a step."""

from __future__ import annotations


def share(parts: int, rank: int, size: int) -> range:
    """The parts that worker `rank` of `size` takes: neighbours, so that most of its sums are whole branches of the tree, and as
    many as the others take, or one fewer. The first worker has the first part."""
    longer, rest = divmod(parts, size)
    first = rank * longer + min(rank, rest)
    return range(first, first + longer + (rank < rest))
