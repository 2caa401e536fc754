"""Plates that are written, as one PNG or one page of HTML."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ...diagnostics import UsageError, unwritable
from ...reading import write
from ..drawing.looks import THEMES, Theme
from .page import page
from .plate import Plate
from .sheet import sheet

ENDINGS = (".png", ".html")


@dataclass(frozen=True)
class Plates:
    """What `save` writes, and a notebook shows by itself."""

    plates: tuple[Plate, ...]
    theme: Theme = THEMES["light"]

    @property
    def png(self) -> bytes:
        """One picture of all, below each other, with dots for print."""
        return sheet(self.plates, self.theme)

    @property
    def html(self) -> str:
        """One page that needs no other file, as dark as the reader's system; or always, of the dark theme."""
        return page(self.plates, dark=self.theme.name == "dark")

    def save(self, path: str | PathLike[str]) -> None:
        """Into a file; its ending says how: .png or .html."""
        target = writable(path)
        data = self.png if target.suffix.lower() == ".png" else self.html.encode()
        try:
            write(target, data)
        except (OSError, ValueError) as e:
            raise unwritable(target, e) from None

    def _repr_png_(self) -> bytes:
        return sheet(self.plates, self.theme, fine=False)

    def __repr__(self) -> str:
        return "Plates: " + "; ".join(p.title for p in self.plates)


def writable(path: str | PathLike[str]) -> Path:
    """A path as one that plates are written to, before anything is computed.

    Errors: another ending.
    """
    if not isinstance(path, (str, PathLike)):
        raise UsageError(f"plates are written to a path, not to a {type(path).__name__}", hint='.save("look.png")')
    target = Path(path)
    if target.suffix.lower() not in ENDINGS:
        raise UsageError(f"this is written as {' or '.join(ENDINGS)}, and `{target.name}` ends in {target.suffix or 'nothing'}",
                         hint=f"-o {target.with_suffix('.png') if target.name else 'look.png'}")
    return target
