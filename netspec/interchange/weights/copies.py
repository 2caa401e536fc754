"""Copies of a model that lie in one file, as trained and averaged: which there are, and the one that is meant.

Where the names of tensors alone tell copies apart, as `model.` and `model_ema.` do, they are found in files of every format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TypeVar

from .source import About, Array, Damaged, Foreign, Source

T = TypeVar("T")
Shapes = Mapping[str, tuple[int, ...]]

_COPY = re.compile(r"(^|_)(ema|swa|averaged?|teacher)(_|$)|(model|net|network)_?ema$")  # what the name of another copy says
BESIDE = 100  # names side by side in which copies are looked for
AROUND = 4  # modules at most that wrap another copy of a model: ema.module.
TOLD = 12  # parts that a message names, at most


class Twice(Damaged):
    """The weights of one model are in the file more than once."""

    def __init__(self, parts: list[str]) -> None:
        super().__init__(f"it holds weights of one model as {' and as '.join(p[:60] for p in parts)}")
        self.parts = parts


class Part(Source):
    """The tensors of a file whose names begin with one key, by what follows it. Raises Foreign where there is none."""

    def __init__(self, source: Source, part: str):
        self.source, self.before = source, f"{part}."
        for k in ("kind", "ordered", "channels_last", "epsilon", "left", "path"):
            setattr(self, k, getattr(source, k))
        self.eps = self._below(source.eps)
        if not part or not self.about:
            raise no_part(part, by_first({k: None for k in source if "." in k}))

    def _below(self, named: Mapping[str, T]) -> dict[str, T]:
        return {k.removeprefix(self.before): v for k, v in named.items() if k.startswith(self.before)}

    @cached_property
    def about(self) -> Mapping[str, About]:
        return self._below(self.source.about)

    def raw(self, name: str) -> Array:
        return self.source.raw(self.before + name)


def meant(source: Source, part: str | None) -> Source:
    """The tensors of a file under the key `part`; all of them where there is none, which may be no two copies of one model.
    What netspec wrote itself is one net, whatever its layers are called.

    Errors: Twice; Foreign where there is no such part.
    """
    if part is not None:
        return Part(source, part)
    if not source.apart and (twice := copies({k: a.shape for k, a in source.about.items()})):
        raise Twice(twice)
    return source


def no_part(part: str, known: Mapping[str, object] | list[str]) -> Foreign:
    """What to say where a file has no such part, and which it has."""
    return Foreign(f"it has no part {part[:60]!r}; those with tensors are {', '.join(k[:60] for k in [*known][:TOLD]) or 'none'}")


def copies(found: Shapes) -> list[str]:
    """What the names of two copies of one model begin with, as `model.` and `model_ema.`, where they lie in one dict."""
    parts, before = by_first(found), ""
    for _ in range(AROUND):  # what is put before all
        if len(parts) == 1:
            [(first, inner)] = parts.items()
            parts, before = by_first(inner), f"{before}{first}."
    for copy in filter(_COPY.search, parts if len(parts) <= BESIDE else ()):
        for first, own in parts.items():
            if first != copy and not _COPY.search(first) and alike(own, parts[copy]):
                return [before + first, before + copy]
    return []


def by_first(found: Mapping[str, T]) -> dict[str, dict[str, T]]:
    """What names say behind their first word, by that word."""
    parts: dict[str, dict[str, T]] = {}
    for name, t in found.items():
        first, _, rest = name.partition(".")
        parts.setdefault(first, {})[rest] = t
    return parts


def alike(first: Shapes, second: Shapes) -> bool:
    """Whether two parts hold tensors of the same names and shapes, whatever stands before all names of one: the weights of one
    model."""
    if not first or len(second) < len(first) / 2:
        return False
    ends = {}
    for name, shape in second.items():
        parts = name.split(".")
        ends.update({".".join(parts[k:]): shape for k in range(min(len(parts), AROUND))})
    short = [(".".join(n.split(".")[k:]), shape) for n, shape in first.items() for k in range(2)]
    return 2 * sum(ends.get(n) == shape for n, shape in short) > len(first)
