"""A plate: tiles with words below them, in rows, under a title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..pictures import Tile


@dataclass(frozen=True)
class Panel:
    """A tile and what is said of it, a line each."""

    tile: Tile
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plate:
    """Rows of panels; `about` says how they are to be read."""

    title: str
    about: str
    rows: tuple[tuple[Panel, ...], ...]


def in_rows(panels: Sequence[Panel], most: int) -> tuple[tuple[Panel, ...], ...]:
    """Panels in rows of at most so many."""
    return tuple(tuple(panels[k:k + most]) for k in range(0, len(panels), most))
