"""`--rename "layer1.0.conv1=stage1.bottleneck1.conv1"`: a name in the file, and what it is in the net; `*` is any text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ...diagnostics import UsageError, near
from .units import Unit


class Rename(NamedTuple):
    """One line: what it says, the names it means, and what they become."""

    text: str
    of: re.Pattern[str]
    to: str


def renames(given: Iterable[str] | Mapping[str, str]) -> tuple[Rename, ...]:
    """As they were given: "FROM=TO" each, or a dict.

    Errors: one without `=`, or with more stars on the right than on the left.
    """
    pairs = given.items() if isinstance(given, Mapping) else [_halves(g) for g in given]
    out = []
    for a, b in pairs:
        if not isinstance(a, str) or not isinstance(b, str) or b.count("*") > a.count("*"):
            raise UsageError(f"a rename has a star on the right for one on the left, and `{a}={b}` has more",
                             hint='"layer*.0.conv1=stage*.basic1.conv1"')
        pattern = "(.*?)".join(map(re.escape, a.removesuffix(".").replace("/", ".").split("*")))
        out.append(Rename(f"{a}={b}", re.compile(rf"{pattern}(?=$|\.)"), b.removesuffix(".")))
    return tuple(out)


def _halves(text: str) -> tuple[str, str]:
    a, sign, b = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not sign or not a.strip() or not b.strip():
        raise UsageError(f"a rename is FROM=TO, and this is {text!r}", hint='"layer1.0.conv1=stage1.basic1.conv1"')
    return a.strip(), b.strip()


def renamed(units: Iterable[Unit], lines: tuple[Rename, ...], wanted: Mapping[str, Unit]) -> list[tuple[Unit, str]]:
    """The units that a line means, each with the name it is given in the net.

    Errors: a line that means no unit; one that gives a name that the net does not have; two units of one name.
    """
    out: dict[str, Unit] = {}
    rest = list(units)
    for line in lines:
        hit = False
        for u in list(rest):
            m = line.of.match(u.name)
            if m is None:
                continue
            parts = iter(m.groups())
            name = re.sub(r"\*", lambda _, parts=parts: next(parts, ""), line.to) + u.name[m.end():]  # type: ignore[misc]
            hit = True
            if name in wanted:
                if name in out:
                    raise UsageError(f"--rename {line.text} gives {name} to {out[name].name} and to {u.name}")
                out[name] = u
                rest.remove(u)
            elif m.end() == len(u.name):
                raise UsageError(f"--rename {line.text}: the net has no {name}", hint=_meant(name, wanted))
        if not hit:
            raise UsageError(f"--rename {line.text} means nothing in the file",
                             hint=_meant(line.text.partition("=")[0], {u.name: u for u in rest}))
    return [(u, name) for name, u in out.items()]


def _meant(name: str, names: Mapping[str, Unit]) -> str | None:
    found = near(name, list(names))
    return f"did you mean {found}?" if found else None
