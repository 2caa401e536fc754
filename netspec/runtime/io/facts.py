"""What a checkpoint says besides its numbers: every field, its kind and its range. Nothing of a file is believed before all of
it is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from math import inf, isfinite
from typing import Any, NamedTuple

from ...optimisers.parts.memory import Memory
from . import spec
from .nested import unpacked

Check = Callable[[Any], bool]
MOST = 1 << 53  # of what is counted


class Field(NamedTuple):
    """One field: whether a value is right, what a right one is, and what stands where an older version wrote none."""

    right: Check
    what: str
    absent: Any = ...  # the field must be there


def _text(v: Any) -> bool:
    return isinstance(v, str)


def _number(v: Any) -> bool:
    return isinstance(v, float) or type(v) is int


def _count(least: int = 0) -> Check:
    return lambda v: type(v) is int and least <= v < MOST


def _slots(v: Any) -> bool:
    return isinstance(v, list) and all(isinstance(s, str) and re.fullmatch(r"\w+", s) for s in v) and len(set(v)) == len(v)


def _record(v: Any) -> bool:
    return isinstance(v, list) and all(isinstance(e, dict) and all(map(_number, e.values())) for e in v)


def _factors(v: Any) -> bool:
    return isinstance(v, dict) and all(isinstance(one, dict) and all(_number(f) and 0 <= f < inf for f in one.values())
                                       for one in v.values())


def _marks(v: Any) -> bool:
    return isinstance(v, list) and all(isinstance(m, list) and list(map(type, m)) == [str, bool] for m in v)


def _memory(v: Any) -> bool:
    kinds = {f.name: _count() if isinstance(f.default, int) else lambda n: _number(n) and isfinite(n) for f in fields(Memory)
             if isinstance(f.default, int | float)}
    return isinstance(v, dict) and all(k in kinds and kinds[k](n) for k, n in v.items())


def _inside(v: Any) -> bool:
    if v is None:
        return True
    if not isinstance(v, dict) or set(v) != {"batch", "of", "sums", "shares", "metrics"} or not isinstance(v["metrics"], dict):
        return False
    sums, shares = v["sums"], v["shares"]
    try:
        unpacked({"dict": v["metrics"]})
    except ValueError:
        return False
    return _count(1)(v["batch"]) and all(isinstance(n, list) for n in (v["of"], sums, shares)) and len(sums) == len(shares) and all(
        type(n) is int for n in v["of"]) and all(_number(n) and isfinite(n) for n in (*sums, *shares))


FIELDS: dict[str, Field] = {
    "net": Field(_text, "the name of a net"),
    "seed": Field(lambda v: type(v) is int, "a whole number"),
    "step": Field(_count(), "a whole number from 0"),
    "epoch": Field(_count(), "a whole number from 0"),
    "updates": Field(_count(), "a whole number from 0"),
    "optimiser": Field(_text, "the name of an optimiser"),
    "slots": Field(_slots, "the names of the optimiser's state, each once"),
    "recipe": Field(_text, "a text"),
    "memory": Field(_memory,
                    f"finite numbers by name, {', '.join(f.name for f in fields(Memory) if isinstance(f.default, int | float))}"),
    "record": Field(_record, "a list with numbers by name for each epoch"),
    "averaged": Field(_count(), "a whole number from 0", 0),
    "horizon": Field(lambda v: v is None or _count()(v), "a whole number from 0, or nothing", None),
    "inside": Field(_inside, "the batch that an epoch has come to, and what it has measured", None),
    "bytes": Field(lambda v: isinstance(v, bool), "true or false", False),
    "pace": Field(_count(1), "a whole number from 1", 1),
    "spec": Field(spec.right, "a spec", None),
    "sizes": Field(spec.by_name, "sizes by the names of inputs", {}),
    "classes": Field(lambda v: isinstance(v, list) and all(map(_text, v)), "the names of classes", []),
    "columns": Field(lambda v: isinstance(v, list) and all(map(_text, v)), "the names of numbers", []),
    "data": Field(_text, "a text", ""),
    "factors": Field(_factors, "numbers of at least 0 by name, for names of parameters", {}),
    "frozen": Field(_marks, "a list of names, each with whether it is frozen", []),
    **{k: Field(_text, "a text", "") for k in ("device", "instructions", "dtype", "precision", "netspec", "numpy", "numba",
                                               "llvmlite")},
}


def wrong(facts: dict[str, Any]) -> list[str]:
    """What is wrong with the fields of a checkpoint, each by its name."""
    found = []
    for name, field in FIELDS.items():
        if name not in facts:
            found += [f"`{name}` is missing"] if field.absent is ... else []
        elif not field.right(facts[name]):
            found.append(f"`{name}` is {' '.join(repr(facts[name]).split())[:60]}, and not {field.what}")
    return found


def completed(facts: dict[str, Any]) -> dict[str, Any]:
    """The fields with what older versions did not write, those that are not known left out."""
    return {k: facts.get(k, f.absent) for k, f in FIELDS.items()}
