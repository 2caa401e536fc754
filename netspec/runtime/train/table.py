"""The table of epochs: one header, then a row of numbers for each epoch.

A column is as wide as its name and what has stood in it. Where a line has less room than the columns take, those go that say
least, and come back where there is room again; the header is written anew where the columns are others than before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...plain import shown
from ...terminal import abridged, cells, cut

GAP = 2
LEAST, RATE, TEXT = 7, 9, 40  # columns of a number, of a learning rate, and of what a metric says of itself
SHORTEST, LONGEST = 10, 24  # columns that a name may take, on narrow terminals and on wide ones
EPOCH, SPEED, TIME = "epoch", "samples/s", "time"
LEFT, MOST = "left", "max left"  # of all training; `early_stopping` may end it sooner


class Table:
    """The lines of a table whose rows come one after the other. `first` are the numbers of an epoch that count most."""

    def __init__(self, first: Sequence[str] = ()):
        self.first = first
        self.numbers: dict[str, int] = {}  # the widest that has stood in each column
        self.header = ""

    def lines(self, row: Mapping[str, str], room: int | None) -> list[str]:
        """A row as it is printed, below a header where it needs a new one; `room` bounds the length of a line."""
        texts = {name: cut(shown(text), TEXT) for name, text in row.items()}
        for name, text in texts.items():
            self.numbers[name] = max(self.numbers.get(name, 0), cells(text), least(name))
        heads = {name: heading(name, room) for name in row}
        widths = {name: max(self.numbers[name], cells(head)) for name, head in heads.items()}
        chosen = self.chosen(widths, room)
        header, line = (fitting({name: of[name] for name in chosen}, widths, room) for of in (heads, texts))
        new, self.header = header != self.header, header
        return [header, line] if new else [line]

    def chosen(self, widths: Mapping[str, int], room: int | None) -> list[str]:
        """The columns for which there is room, in order."""
        if room is None:
            return list(widths)
        taken, used = set[str](), -GAP
        for name in sorted(widths, key=self.rank):
            if used + GAP + widths[name] <= room or not taken:
                taken.add(name)
                used += GAP + widths[name]
        return [name for name in widths if name in taken]

    def rank(self, name: str) -> int:
        """The lower, the more a person wants to see of it."""
        order = [EPOCH, "loss", *self.first[:1], LEFT, MOST, *self.first[1:], SPEED, TIME]
        return order.index(name) if name in order else len(order) + (name == "lr") + (name.endswith("loss"))


def fitting(texts: Mapping[str, str], widths: Mapping[str, int], room: int | None) -> str:
    """Texts below each other's right ends."""
    found = (" " * GAP).join(" " * (widths[name] - cells(text)) + text for name, text in texts.items()).rstrip()
    return found if room is None else cut(found, room)


def heading(name: str, room: int | None) -> str:
    """A name as it stands in the header; on a terminal the middle of a long one is left out."""
    return shown(name) if room is None else abridged(shown(name), min(LONGEST, max(SHORTEST, room // 3)))


def least(name: str) -> int:
    """The columns that are kept free for a number, so that few numbers are wider."""
    return 0 if name in (EPOCH, SPEED) else RATE if name == "lr" else LEAST
