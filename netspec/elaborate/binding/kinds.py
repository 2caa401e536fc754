"""One argument against its kind: a count, a size, padding, a word ..., and what to write where it does not fit."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import Any

from ...diagnostics import near
from ...source import Span
from ...words import Argument, Word, spelled
from ...words.layer import Layer
from ..model.files import Macro
from ..model.mistakes import Mistake
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Incoming, Symbol, described, is_number, plain

LARGEST = 10**9
OF_PARAMETERS = ("lr", "decay", "bias_lr", "bias_decay", "init", "bias_init")  # options of every step that learns something


@dataclass(frozen=True, slots=True)
class Given:
    """One argument, evaluated."""

    value: Any
    span: Span
    name: str | None = None  # the bare name it was written as, where nothing of that name is defined


def learns(cls: type[Word]) -> bool:
    """Whether steps of this word make parameters."""
    return issubclass(cls, Layer) and cls.parameters is not Layer.parameters


def checked(cls: type[Word], a: Argument, g: Given, seen: Collection[str] = ()) -> Any:
    """A value as the argument's kind wants it; `seen` are names it may have meant. Raises Mistake."""
    v = g.value
    if v is UNKNOWN_VALUE:
        return v
    # what most arguments are
    if a.kind in ("count", "size", "pad") and a.least is not None and a.most is None and a.below is None:
        if v.__class__ is int and a.least <= v <= LARGEST:
            return v
        if v.__class__ is tuple and a.kind == "size" and v and all(x.__class__ is int and a.least <= x <= LARGEST for x in v):
            return v
    if v is None and a.default is None:
        return None
    title = _title(cls, a)
    if isinstance(v, Symbol) and a.kind not in ("text", "word", "value", "pad"):
        alike = near(v.name, [k for k in seen if k not in ("yes", "no", "none")])
        raise Mistake("undefined-name", f"`{v.name}` is not defined here", g.span, f"the {title} is needed",
                      hint=f"did you mean `{alike}`?" if alike
                      else f"make it a parameter of the block or net, or define it above:  {v.name} = 1")
    if isinstance(v, (Incoming, Macro, Scope)) and a.kind not in ("value", "text"):
        raise _wrong(cls, a, g, _wants(a))
    return _KINDS[a.kind](cls, a, g, v)


def _title(cls: type[Word], a: Argument) -> str:
    doc = a.doc.split(",")[0].split(":")[0].split(";")[0]
    doc = doc.removeprefix("the ")
    return doc if (a.kind == "count" and doc.startswith("number of")) or a.name in ("by", "to") else f"{a.name} of {cls.name}"


def _wants(a: Argument) -> str:
    return {"count": "one whole number", "whole": "one whole number", "size": "a whole number, or one for each axis (3x3)",
            "number": "a number", "rate": "a number from 0 up to, but not, 1",
            "flag": "yes or no", "word": "one of: " + ", ".join(a.words), "text": 'a word, or a text in quotes',
            "list": "a list of numbers: [1, 2, 3]",
            "pad": ", ".join((*a.words, "a number, one for each axis, or (before, after) pairs")), "ref": "a node, written @name",
            "value": "a value"}[a.kind]


def _wrong(cls: type[Word], a: Argument, g: Given, wants: str) -> Mistake:
    return Mistake("wrong-argument", f"the {_title(cls, a)} must be {wants}", g.span, f"this is {described(g.value)}",
                   notes=() if a.doc in wants else (f"{a.name}: {a.doc}",), hint=_written(g, _example(a, g.value)))


def _written(g: Given, value: str | None) -> str | None:
    """A value as it would stand where this one does: `pad=1`, `/2`, `64`."""
    if value is None:
        return None
    text = g.span.source.line(g.span.line)[g.span.column - 1 : g.span.end_column - 1]
    head = "/" if text.startswith("/") else f"{text.split('=')[0].strip()}=" if re.match(r"\w+\s*=(?!=)", text) else ""
    return f"for example:  {head}{value}"


def _example(a: Argument, v: Any) -> str | None:
    """A value of the kind that the argument wants, as near to what was written as can be."""
    if isinstance(v, str) and a.kind in ("count", "size", "number", "rate") and re.fullmatch(r"\d+(\.\d+)?(x\d+)*", v):
        return v
    if isinstance(v, tuple) and len(v) == 1 and isinstance(v[0], tuple):
        return spelled(v[0])
    if a.kind == "flag" and is_number(v):
        return spelled(bool(v))
    if isinstance(v, Incoming) and a.kind in ("count", "whole"):
        return "in.channels"
    return {"count": "64", "whole": "1", "size": "3x3", "number": "0.1", "rate": "0.5", "flag": "no", "list": "[1, 2, 3]",
            "text": '"..."', "ref": "@conv1"}.get(a.kind)


def _allowed(a: Argument, v: float) -> str:
    """A number within the bounds of an argument: what was written without its sign, its default, or the nearest."""
    fits = [x for x in (-v, a.default) if is_number(x) and (a.least is None or x >= a.least) and (a.most is None or x <= a.most)
            and (a.below is None or x < a.below) and x]
    return spelled(fits[0] if fits else a.least if a.least is not None and v < a.least else a.most if a.most is not None else 0.5)


def _bounds(cls: type[Word], a: Argument, g: Given, v: Any) -> None:
    low, high = a.least is not None and v < a.least, (a.most is not None and v > a.most) or (a.below is not None and v >= a.below)
    if not low and not high:
        if abs(v) > LARGEST:
            raise Mistake("too-large", f"the {_title(cls, a)} is too large for a network", g.span, f"the limit is {LARGEST:g}")
        return
    sides = [f"at least {a.least:g}" if a.least is not None else "", f"at most {a.most:g}" if a.most is not None else "",
             f"less than {a.below:g}" if a.below is not None else ""]
    raise Mistake("out-of-range", f"the {_title(cls, a)} must be {' and '.join(s for s in sides if s)}", g.span, f"this is {v:g}",
                  hint=_written(g, _allowed(a, v)))


def _whole(cls: type[Word], a: Argument, g: Given, v: Any) -> int:
    if not is_number(v):
        raise _wrong(cls, a, g, _wants(a))
    if v != v or v in (float("inf"), float("-inf")) or v != int(v):
        raise Mistake("not-whole", f"the {_title(cls, a)} must be whole", g.span, f"this is {v:g}", hint=_whole_hint(a, g, v))
    n = int(v)
    _bounds(cls, a, g, n)
    return n


def _whole_hint(a: Argument, g: Given, v: float) -> str | None:
    text = re.sub(r"^(?:\w+\s*=(?!=)|/)\s*", "", g.span.source.line(g.span.line)[g.span.column - 1 : g.span.end_column - 1])
    if re.fullmatch(r"-?[\d.eE+-]+", text):
        if not isfinite(v):
            return _written(g, None)
        nearest = max(1 if a.least is None else ceil(a.least), round(v))
        return _written(g, str(nearest if a.most is None else min(nearest, floor(a.most))))
    return f"numbers that divide, or rounded down:  floor({text})"


def _size(cls: type[Word], a: Argument, g: Given, v: Any) -> Any:
    if not isinstance(v, tuple):
        return _whole(cls, a, g, v)
    if not v or any(x is None or isinstance(x, tuple) for x in v):
        raise _wrong(cls, a, g, _wants(a))
    return tuple(_whole(cls, a, Given(x, g.span), x) for x in v)


def _pad(cls: type[Word], a: Argument, g: Given, v: Any) -> Any:
    if isinstance(v, Symbol):
        return _one_word(cls, a, g, v)
    if isinstance(v, tuple):
        if not v or any(x is None for x in v):
            raise _wrong(cls, a, g, _wants(a))
        out: list[Any] = []
        for x in v:
            if isinstance(x, tuple):
                if len(x) != 2:
                    raise Mistake("wrong-argument", "a pair of pads is (before, after)", g.span, f"this has {len(x)} numbers",
                                  hint="pad=[(1, 2), (1, 2)]")
                out.append(tuple(_whole(cls, a, Given(y, g.span), y) for y in x))
            else:
                out.append(_whole(cls, a, Given(x, g.span), x))
        return tuple(out)
    return _whole(cls, a, g, v)


def _number(cls: type[Word], a: Argument, g: Given, v: Any) -> Any:
    if not is_number(v) or not isfinite(v):
        raise _wrong(cls, a, g, _wants(a))
    _bounds(cls, a, g, v)
    return v


def _flag(cls: type[Word], a: Argument, g: Given, v: Any) -> bool:
    if not isinstance(v, bool):
        raise _wrong(cls, a, g, _wants(a))
    return v


def _one_word(cls: type[Word], a: Argument, g: Given, v: Any) -> str:
    w = plain(v)
    if not isinstance(w, str) or w not in a.words:
        alike = near(w, a.words) if isinstance(w, str) else None
        raise Mistake("wrong-argument", f"the {_title(cls, a)} must be {_wants(a)}", g.span, f"this is {described(v)}",
                      hint=f"did you mean `{alike}`?" if alike else _written(g, a.words[0] if a.words else None))
    return w


def _text(cls: type[Word], a: Argument, g: Given, v: Any) -> str:
    w = v.path if isinstance(v, Scope) else plain(v)
    if not isinstance(w, str):
        raise _wrong(cls, a, g, _wants(a))
    return w


def _list(cls: type[Word], a: Argument, g: Given, v: Any) -> Any:
    def numbers(x: Any) -> bool:
        return all(map(numbers, x)) if isinstance(x, tuple) else is_number(x)

    if not isinstance(v, tuple) or not v or not numbers(v):
        raise _wrong(cls, a, g, _wants(a))
    return v


def _value(cls: type[Word], a: Argument, g: Given, v: Any) -> Any:
    if isinstance(v, Incoming):
        raise _wrong(cls, a, g, _wants(a))
    return v.path if isinstance(v, Scope) else plain(v)


_KINDS: dict[str, Any] = {"count": _whole, "whole": _whole, "size": _size, "pad": _pad, "number": _number, "rate": _number,
                          "flag": _flag, "word": _one_word, "text": _text, "list": _list, "value": _value, "ref": _value}
