"""An answer as people read it: classes with their probabilities, numbers, or maps. A file that `netspec emit` writes carries this
module with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["classes", "marks", "numbers"]


@dataclass(frozen=True)
class Reading:
    """How an output is read: as probabilities of classes, or of yes or no for each class (marks), or as numbers."""

    kind: Kind
    classes: tuple[str, ...]  # by number, where they have names
    columns: tuple[str, ...] = ()  # what numbers are called, where they have names

    def called(self, number: int) -> str | int:
        """A class by its name, or its number where it has none."""
        return self.classes[number] if number < len(self.classes) else number


@dataclass(frozen=True)
class Answer:
    """What is said of one example."""

    file: str
    predictions: tuple[tuple[str | int, float], ...] = ()  # classes and their probabilities, the likeliest first
    values: Array | None = None  # numbers; a map where it has places
    shares: tuple[tuple[str | int, float], ...] = ()  # of a map of classes, how much each covers
    columns: tuple[str, ...] = ()  # what the numbers are called, where they have names

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        out: dict[str, Any] = {"file": self.file}
        if self.predictions:
            return out | {"predictions": [{"class": c, "probability": p} for c, p in self.predictions]}
        if self.shares and self.values is not None:
            return out | {"shape": list(self.values.shape), "classes": [{"class": c, "share": s} for c, s in self.shares]}
        assert self.values is not None
        out |= {"values": self.values.tolist()} if self.values.size <= FEW else {"shape": list(self.values.shape)}
        return out | ({"columns": list(self.columns)} if self.columns else {})

    def said(self) -> list[str]:
        """As a line has it, in pieces that stay whole."""
        if self.predictions:
            return [f"{c} {p:.1%}" for c, p in self.predictions]
        if self.shares:
            return [f"{c} {s:.1%} of it" for c, s in self.shares]
        values: Any = self.values
        if values.ndim > 1 or values.size > 32:
            return [f"{'x'.join(map(str, values.shape))} numbers, which -o out.npz keeps"]
        return [f"{c} {v:g}" for c, v in zip(self.columns, values)] if self.columns else [" ".join(f"{v:g}" for v in values)]

    def __str__(self) -> str:
        """As a line has it."""
        return "  ".join(self.said())


FEW = 1024  # numbers of an answer that are printed


def answers(by: Reading, names: Sequence[str], values: Array, top: int) -> Iterator[Answer]:
    """An answer for each example, of what the answering output gave."""
    for name, v in zip(names, values):
        v = v.reshape(v.shape[0]) if v.ndim > 1 and v.size == v.shape[0] else v
        if by.kind == "numbers":
            yield Answer(name, values=v, columns=by.columns if v.shape == (len(by.columns),) else ())
        elif v.ndim > 1:
            yield _map(by, name, v, top)
        elif len(v) == 1 and by.kind == "marks":  # one yes or no
            p = float(v[0])
            both = [(by.called(1), p), (by.called(0), 1 - p)]
            yield Answer(name, tuple(sorted(both, key=lambda cp: -cp[1])[:top]))
        else:
            order = np.argsort(-v, kind="stable")[:top]
            yield Answer(name, tuple((by.called(int(k)), float(v[k])) for k in order))


def _map(by: Reading, name: str, v: Array, top: int) -> Answer:
    """A class for each place; of yes or no for each class and place, how many are yes."""
    if by.kind == "marks":
        shares = [(k, float((v[k] > 0.5).mean())) for k in range(len(v))]
        return Answer(name, values=v, shares=tuple((by.called(k), s) for k, s in sorted(shares, key=lambda ks: -ks[1])[:top]))
    chosen = v.argmax(0)
    counts = np.bincount(chosen.reshape(-1), minlength=len(v)) / chosen.size
    order = [int(k) for k in np.argsort(-counts, kind="stable")[:top] if counts[k] > 0]
    return Answer(name, values=chosen.astype(np.uint8 if len(v) <= 256 else np.int32),
                  shares=tuple((by.called(k), float(counts[k])) for k in order))
