"""Numbers of each class, in lines."""

from __future__ import annotations

from collections.abc import Sequence

from ...plain import shown

WIDEST = 40  # classes that are printed one by one


def titles(count: int, classes: Sequence[str]) -> list[str]:
    """What the classes are called: their numbers, with their names where there are some, each of the same width."""
    names = [shown(str(name)) for name in classes] if len(classes) == count else [""] * count
    lead = len(str(count - 1))
    out = [f"{k:>{lead}} {name}".rstrip() for k, name in enumerate(names)]
    width = max(map(len, out), default=0)
    return [f"{title:<{width}}" for title in out]


def by_class(title: str, values: Sequence[str], classes: Sequence[str]) -> str:
    """A line for each class; nothing where there are more than anybody reads."""
    if len(values) > WIDEST:
        return ""
    width = max(map(len, values), default=0)
    return "\n".join((f"{title}:", *(f"{name}  {v:>{width}}" for name, v in zip(titles(len(values), classes), values))))
