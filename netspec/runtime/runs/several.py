"""Several trainings of one net: with other seeds, or cross-validation; and what they come to together.

A fold is a K-th of the examples that are for training and validation, of each class alike where targets are classes; it
validates, and the others are learnt from. Which examples are in it is decided by the seed. Test examples stay what they are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...plain import word
from ...terminal import cells
from ...waiting import each, wait
from ...words.dataset import Data, DataError, Lazy, Pair
from ..initialisers import generator
from ..network import Network
from ..train.progress import RUN
from ..train.session import Session, asked_about, given_data, train
from .folder import WATCHED

Array = NDArray[Any]
NAMED = 10  # runs of which a command names each
Make = Callable[[int | None], Network]


class Together:
    """What several sessions come to: the mean and the deviation (of a sample) of each number. `called` is what each is."""

    def __init__(self, what: str, sessions: Sequence[Session], called: Sequence[str]):
        self.what, self.sessions, self.called = what, sessions, called

    @property
    def numbers(self) -> dict[str, tuple[float, float]]:
        """Mean and deviation by name."""
        each = [s.numbers for s in self.sessions]
        return {k: (mean(n[k] for n in each), stdev(n[k] for n in each)) for k in each[0] if all(k in n for n in each)}

    def lines(self, room: int | None = None, out: str | None = None) -> str:
        """A table with a column for each session, as many as there is room for, and what to do next; `out` is where the user has
        put them."""
        history = self.sessions[0].history
        rows = [[self.what, "mean ± deviation", *self.called]]
        for k, (middle, deviation) in self.numbers.items():
            plain = k.removeprefix("test_").removeprefix("val_")
            rows.append([k, f"{history.shown(plain, middle)} ± {history.shown(plain, deviation)}",
                         *(history.shown(plain, s.numbers[k]) for s in self.sessions)])
        widths = [max(cells(r[c]) for r in rows) for c in range(len(rows[0]))]
        many = next((n for n in range(len(widths), 2, -1) if room is None or sum(widths[:n]) + 2 * (n - 1) <= room), 2)
        table = ["  ".join(r[c] + " " * (widths[c] - cells(r[c])) if c < 2 else " " * (widths[c] - cells(r[c])) + r[c]
                           for c in range(many)).rstrip() for r in rows]
        return "\n".join(["", *table, *self._next(out)])

    def _next(self, out: str | None) -> list[str]:
        saved = [word(s.saved) for s in self.sessions]
        runs = [f"  netspec runs{'' if out is None else f' {word(out)}'}"] if os.path.isdir(self.sessions[0].saved) else []
        asks = [f"  netspec predict {' '.join(saved)} {asked_about(self.sessions[0].network)}"] if len(saved) <= NAMED else []
        pages = all(os.path.isfile(os.path.join(s.saved, WATCHED[1])) for s in self.sessions)
        report = [f"  netspec report {' '.join(saved)} -o report.html"] if asks and pages else []
        return ["", "next:", *asks, *report, *runs] if asks or runs else []


def seeded(make: Make, seeds: Sequence[int], out: str | None, **how: Any) -> Together:
    """Train once with each seed."""
    sessions = [train(make(s), seed=s, out=_place(out, f"seed-{s}"), heading=_heading(k, len(seeds), f"seed {s}"), **how)
                for k, s in enumerate(each(RUN, seeds), 1)]
    return Together(f"{len(seeds)} seeds", sessions, [f"seed {s}" for s in seeds])


def folded(make: Make, folds: int, seeds: Sequence[int | None], out: str | None, *, data: str | None, **how: Any) -> Together:
    """Cross-validation, once with each seed."""
    sessions: list[Session] = []
    with wait(RUN, len(seeds) * folds) as at:
        for s in seeds:
            net = make(s)
            given = given_data(net, data)
            for k, part in enumerate(divided(given, folds, net.seed), 1):
                at(len(sessions) + 1)
                one = make(s)
                one.state.learnt.data = net.state.learnt.data
                name = f"fold-{k}" if len(seeds) == 1 else f"seed-{s}-fold-{k}"
                title = _heading(len(sessions) + 1, len(seeds) * folds, f"fold {k}" + (f", seed {s}" if len(seeds) > 1 else ""))
                sessions.append(train(one, seed=s, out=_place(out, name), data=part, heading=title, **how))
    several = len(seeds) > 1
    called = [f"seed {s}, fold {k}" if several else f"fold {k}" for s in seeds for k in range(1, folds + 1)]
    return Together(f"{folds} folds" + (f", {len(seeds)} seeds" if several else ""), sessions, called)


def _heading(number: int, of: int, what: str) -> str:
    """Above what is said of one of several trainings."""
    return f"{chr(10) if number > 1 else ''}{what}, training {number} of {of}\n"


def _place(out: str | None, name: str) -> str | None:
    """Where one of several goes: below the folder that the user names, or runs/NET-N."""
    if out is None:
        return None
    path = Path(out)
    return os.fspath(path.with_name(f"{path.stem}-{name}{path.suffix}") if path.suffix == ".safetensors" else path / name)


def divided(data: Data, folds: int, seed: int) -> list[Data]:
    """The data of each fold. Raises DataError where there are fewer examples than folds."""
    pairs = [p for p in (data.train, data.validation) if p is not None]
    y = _joined([p[1] for p in pairs], None)
    n = sum(_length(p[0]) for p in pairs)
    if n < folds:
        raise DataError(f"{data.name} has {n} examples, and there are to be {folds} folds", hint=f"--folds {max(2, n)}")
    order = generator(seed, "folds").permutation(n)
    labels = np.asarray(y) if not isinstance(y, Mapping) and y is not None and np.asarray(y).dtype.kind in "iu" else None
    if labels is not None and labels.reshape(n, -1).shape[1] == 1:
        order = order[np.argsort(labels.reshape(n)[order], kind="stable")]  # class by class, so that folds share each
    fold = np.empty(n, np.intp)
    fold[order] = np.arange(n) % folds
    out = []
    for k in range(folds):
        learnt, validates = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        out.append(replace(data, train=_rows(pairs, learnt), validation=_rows(pairs, validates)))
    return out


def _length(part: Any) -> int:
    return len(next(iter(part.values())) if isinstance(part, Mapping) else part)


def _rows(pairs: Sequence[Pair], numbers: Array) -> Pair:
    return _joined([p[0] for p in pairs], numbers), _joined([p[1] for p in pairs], numbers)


def _joined(parts: Sequence[Any], numbers: Array | None) -> Any:
    """The examples of several arrays, one after the other, or those of them that have these numbers."""
    if parts[0] is None:
        return None
    if isinstance(parts[0], Mapping):
        return {k: _joined([p[k] for p in parts], numbers) for k in parts[0]}
    if any(isinstance(p, Lazy | np.memmap) for p in parts):
        chosen = np.arange(sum(map(len, parts))) if numbers is None else numbers
        return Rows(parts, chosen)
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return whole if numbers is None else whole[numbers]


class Rows(Lazy):
    """Some examples of arrays that are read as they are needed."""

    def __init__(self, parts: Sequence[Any], numbers: Array):
        self.parts, self.numbers = parts, numbers
        self.starts = np.cumsum([0, *map(len, parts)])
        self.shape, self.dtype = (len(numbers), *parts[0].shape[1:]), np.result_type(*(p.dtype for p in parts))

    def example(self, number: int) -> Array:
        at = int(self.numbers[number])
        k = int(np.searchsorted(self.starts, at, "right")) - 1
        part, row = self.parts[k], at - int(self.starts[k])
        return np.asarray(part.example(row) if isinstance(part, Lazy) else part[row])
