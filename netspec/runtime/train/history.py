"""What a training run leaves to read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...diagnostics import Advice, unwritable
from ...plain import shown
from ...reading import write
from ..measuring.tallies import Tally
from ..misuse import misuse

if TYPE_CHECKING:
    from ...views.report.curves import Plot


class History(Mapping[str, list[Any]]):
    """A list of numbers, one an epoch, for each thing measured: loss, accuracy, val_loss, val_accuracy, lr, seconds. A metric
    that is no number (a confusion matrix) has an array an epoch.

    `history.epochs` are the numbers of the epochs, from 1; `history.stopped` says why training ended early, if it did, and
    `history.kept` which weights the network has now, where they are not the last: those of epoch `history.best`.
    """

    def __init__(self, metrics: Iterable[Tally] = (), classes: Sequence[str] = ()) -> None:
        self._columns: dict[str, list[Any]] = {}
        self.metrics, self.classes = {t.name: t.metric for t in metrics}, classes
        self.epochs: list[int] = []
        self.stopped: str | None = None
        self.kept: str | None = None
        self.best: int | None = None

    def add(self, epoch: int, numbers: Mapping[str, Any]) -> None:
        self.epochs.append(epoch)
        for k, v in numbers.items():
            self._columns.setdefault(k, []).append(v)

    @property
    def final(self) -> dict[str, Any]:
        """The numbers of the last epoch."""
        return {k: v[-1] for k, v in self._columns.items() if v}

    @property
    def kept_numbers(self) -> dict[str, Any]:
        """The numbers of the epoch whose weights the network has."""
        k = self.epochs.index(self.best) if self.best in self.epochs else -1
        return {name: v[k] for name, v in self._columns.items() if v}

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        """Three lines at most; `print` shows more."""
        if not self.epochs:
            return "History of no epochs"
        rows = self.rows
        if len(rows) < 3 and not self.stopped:
            return self._table(rows)
        return f"{self._table(rows[-1:])}\n{self.stopped or f'the last of {len(rows)} epochs; print shows them'}"

    def __str__(self) -> str:
        """A table; the middle of a long one is left out."""
        if not self.epochs:
            return "History of no epochs"
        rows = self.rows
        if len(rows) > 12:
            rows = [*rows[:5], ["..."] + [""] * len(self._columns), *rows[-5:]]
        return "\n".join([self._table(rows), *([self.stopped] if self.stopped else [])])

    def _repr_html_(self) -> str:
        """The table of all epochs and their curves, for a notebook."""
        from ...views.notebook import tabs
        from ...views.report.live import numbers

        if not self.epochs:
            return f"<p>{self!r}</p>"
        table = f'<div style="max-height:420px;overflow:auto">{numbers(["epoch", *self._columns], self.rows)}</div>'
        said = "".join(f"<p>{escape(shown(text))}</p>" for text in (self.stopped, self.kept) if text)
        return tabs([("table", table + said), ("curves", self.plot().svg)], "history")

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """The numbers of all epochs as a table: `epoch,loss,accuracy,...`, a row an epoch, written into a file where one is
        named. What is an array (a confusion matrix) is left out. Returns the text.

        Errors: a place that cannot be written.
        """
        columns = {k: v for k, v in self._columns.items() if any(isinstance(n, int | float) for n in v)}
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["epoch", *columns])
        rows.writerows([e, *(v[i] for v in columns.values())] for i, e in enumerate(self.epochs))
        if path is not None:
            try:
                write(Path(path), text.getvalue().encode())
            except (OSError, ValueError) as e:
                raise unwritable(path, e) from None
        return text.getvalue()

    def plot(self, *names: str, theme: str = "light") -> Plot:
        """The curves of what was measured, training and validation together, with the epoch whose weights are kept: a picture
        that a notebook shows, `.save("curves.svg")` writes, and whose `.svg` is text. `names` chooses: history.plot("loss").

        Errors: a name that nothing measured has; a theme that there is none of.
        """
        from ...views.report.curves import Plot, curves_of

        known = list(dict.fromkeys(k.removeprefix("val_") for k in self._columns))
        for name in names:
            if name not in known:
                raise misuse("unknown-name", f"no epoch has measured `{name}`", hint=Advice(f"one of {', '.join(known)}"))
        chosen = {k: v for k, v in self._columns.items() if not names or k.removeprefix("val_") in names}
        return Plot(curves_of(chosen, self.epochs, self.best), theme)

    @property
    def rows(self) -> list[list[str]]:
        """The numbers of each epoch as people read them, behind the epoch's own."""
        return [[str(e), *(self.shown(k, v[i]) for k, v in self._columns.items())] for i, e in enumerate(self.epochs)]

    def _table(self, rows: Sequence[Sequence[str]]) -> str:
        table = [["epoch", *self._columns], *rows]
        widths = [max(len(r[c]) for r in table) for c in range(len(table[0]))]
        return "\n".join("  ".join(cell.rjust(w) for cell, w in zip(r, widths)) for r in table)

    def shown(self, name: str, value: Any) -> str:
        """A number as people read that sort of number; a metric knows how."""
        metric = self.metrics.get(name.removeprefix("val_"))
        if metric is not None:
            return str(metric.named(value, self.classes))
        if name == "seconds":
            return f"{value:.1f}"
        if name == "lr":
            return f"{value:.4g}"
        size = abs(value)
        return f"{value:.6g}" if 100 <= size < 1e6 else f"{value:.4f}" if 1e-4 <= size < 100 or not size > 0 else f"{value:.3g}"
