"""A number for each class, as a formula."""

from __future__ import annotations


def choice(of: str, values: tuple[float, ...], first: int = 0) -> str:
    """The value that stands at the class `of`: a search tree over the classes."""
    if len(set(values)) == 1:
        return repr(values[0])
    half = len(values) // 2
    return f"where({of} < {first + half}, {choice(of, values[:half], first)}, {choice(of, values[half:], first + half)})"
