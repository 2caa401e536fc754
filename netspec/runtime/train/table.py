"""The table of epochs: one header, then a row of numbers for each epoch.

A column is as wide as its name and what has stood in it. Where a line has less room than the columns take, those go that say
least, and come back where there is room again; the header is written anew where the columns are others than before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...plain import shown
from ...terminal import cells, cut

GAP = 2
LEAST, RATE, LONGEST, TEXT = 7, 9, 24, 40  # columns of a number, of a learning rate, of a name, of what a metric says of itself
EPOCH, SPEED, TIME = "epoch", "samples/s", "time"
LEFT, MOST = "left", "max left"  # of all training; `early_stopping` may end it sooner


class Table:
    """The lines of a table whose rows come one after the other. `first` are the numbers of an epoch that count most."""

    def __init__(self, first: Sequence[str] = ()):
        self.first = first
        self.widths: dict[str, int] = {}
        self.header = ""

    def lines(self, row: Mapping[str, str], room: int | None) -> list[str]:
        """A row as it is printed, below a header where it needs a new one; `room` bounds the length of a line."""
        texts = {name: cut(shown(text), TEXT) for name, text in row.items()}
        for name, text in texts.items():
            self.widths[name] = max(self.widths.get(name, 0), cells(text), cells(heading(name)), least(name))
        chosen = self.chosen(list(row), room)
        header, line = (self.line({name: of(name) for name in chosen}, room) for of in (heading, texts.__getitem__))
        new, self.header = header != self.header, header
        return [header, line] if new else [line]

    def chosen(self, names: list[str], room: int | None) -> list[str]:
        """The columns for which there is room, in order."""
        if room is None:
            return names
        taken, used = set[str](), -GAP
        for name in sorted(names, key=self.rank):
            if used + GAP + self.widths[name] <= room or not taken:
                taken.add(name)
                used += GAP + self.widths[name]
        return [name for name in names if name in taken]

    def rank(self, name: str) -> int:
        """The lower, the more a person wants to see of it."""
        order = [EPOCH, "loss", *self.first[:1], LEFT, MOST, *self.first[1:], SPEED, TIME]
        return order.index(name) if name in order else len(order) + (name == "lr") + (name.endswith("loss"))

    def line(self, texts: Mapping[str, str], room: int | None) -> str:
        found = (" " * GAP).join(" " * (self.widths[name] - cells(text)) + text for name, text in texts.items()).rstrip()
        return found if room is None else cut(found, room)


def heading(name: str) -> str:
    """A name as it stands in the header."""
    return cut(shown(name), LONGEST)


def least(name: str) -> int:
    """The columns that are kept free for a number, so that few numbers are wider."""
    return 0 if name in (EPOCH, SPEED) else RATE if name == "lr" else LEAST
