"""Words of the language that take arguments: what layers, losses, optimisers, schedules and metrics have in common.

A word is a frozen dataclass; its fields are its arguments. From the fields come the syntax, the defaults, the checks
that need no shapes, `netspec explain`, and "did you mean". `elaborate/binding/bind.py` turns a step of a spec into an instance.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ..ir.operation import Operation
from ..ir.types import shape_text
from ..source import Span
from .faults import guard

Kind = Literal["count", "whole", "size", "pad", "number", "rate", "flag", "word", "text", "ref", "list", "value"]
REQUIRED: Any = dataclasses.MISSING


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument as the language sees it."""

    field: str  # of the dataclass; a trailing underscore keeps it apart from a method
    name: str
    kind: Kind
    doc: str
    default: Any  # REQUIRED where there is none
    position: int | None  # its place among the positionals; None: an option only
    words: tuple[str, ...]  # bare words that set it (`same`, `ceil`, `bilinear`)
    least: float | None
    most: float | None
    below: float | None  # exclusive upper bound


def _argument(kind: Kind, doc: str, default: Any, position: int | None = None, words: tuple[str, ...] = (),
              least: float | None = None, most: float | None = None, below: float | None = None) -> Any:
    meta = {"kind": kind, "doc": doc, "position": position, "words": words, "least": least, "most": most, "below": below}
    if default is REQUIRED:
        return dataclasses.field(metadata=meta)
    return dataclasses.field(default=default, metadata=meta)


def count(doc: str, default: Any = REQUIRED, position: int | None = None, least: float = 1) -> Any:
    """A whole number, at least `least`."""
    return _argument("count", doc, default, position, least=least)


def size(doc: str, default: Any = REQUIRED, position: int | None = None, least: float = 1) -> Any:
    """A whole number for every axis (`3`), or one an axis (`3x3`, `(3, 1)`); kept as written, see `per_axis`."""
    return _argument("size", doc, default, position, least=least)


PADDINGS = ("same", "valid", "same_upper", "same_lower")


def padding(doc: str, default: Any = "same", words: tuple[str, ...] = PADDINGS, position: int | None = None) -> Any:
    """One of `words`, a number, one an axis, or a list of (before, after) pairs; see `layers.parts.windows.pads`."""
    return _argument("pad", doc, default, position, words=words, least=0)


def number(doc: str, default: Any = REQUIRED, position: int | None = None, least: float | None = None,
           most: float | None = None, below: float | None = None) -> Any:
    return _argument("number", doc, default, position, least=least, most=most, below=below)


def rate(doc: str, default: Any = REQUIRED, position: int | None = None) -> Any:
    """A probability in [0, 1)."""
    return _argument("rate", doc, default, position, least=0, below=1)


def flag(doc: str, default: bool, word: str = "") -> Any:
    """`yes` or `no`; `word` given bare means yes."""
    return _argument("flag", doc, default, words=(word,) if word else ())


def word(doc: str, default: Any, words: tuple[str, ...]) -> Any:
    """One of a few bare words."""
    return _argument("word", doc, default, words=words)


def ref(doc: str, default: Any = REQUIRED, position: int | None = None) -> Any:
    """A node, written @name. The node's value is also an input of the layer, after the flow."""
    return _argument("ref", doc, default, position)


def text(doc: str, default: Any = REQUIRED, position: int | None = None) -> Any:
    return _argument("text", doc, default, position)


def listing(doc: str, default: Any = REQUIRED, position: int | None = None) -> Any:
    """A list of numbers."""
    return _argument("list", doc, default, position)


def value(doc: str, default: Any = REQUIRED, position: int | None = None) -> Any:
    """Anything the language can write (a number, a list, a text); the word checks it itself."""
    return _argument("value", doc, default, position)


class Word(Operation):
    """Base of everything a spec can name with arguments. `Word.name` is how it is spelled, and `sort` what people call its like.

    Its methods may raise WordError. What else they let out is told as a mistake of their code (faults.py), at the line where
    `said_at` says that the word was named.
    """

    name: str
    category: str
    sort: ClassVar[str] = "word"
    said_at: Span | None = None  # of a line of a train section, where it stands; two words that differ in nothing else are equal

    def __init_subclass__(cls, **kw: Any):
        super().__init_subclass__(**kw)
        guard(cls, Word)

    @property
    def written_in(self) -> Any:
        """What holds its code: its class, or the function that it calls."""
        return type(self)

    def __str__(self) -> str:
        """As it would be written in a spec, defaults left out."""
        out = [self.name]
        bare = getattr(self, "windowless", False) or any(a.kind == "ref" and getattr(self, a.field) is not None
                                                    for a in arguments(type(self)))
        for a in arguments(type(self)):
            v = getattr(self, a.field)
            if v is None and a.default is None:
                continue
            if a.kind == "ref":
                out.append(f"@{v}")
                continue
            if v == a.default and (a.position is None or bare):  # `maxpool global` has no window, `up @conv1` no factor
                continue
            if a.kind == "flag" and a.words:
                out.append(a.words[0] if v else f"{a.name}=no")
            elif a.words and isinstance(v, str):
                out.append(v)
            elif a.name == "stride":
                out.append(f"/{spelled(v)}")
            else:
                out.append(written(a, v) if a.position is not None else f"{a.name}={written(a, v)}")
        return " ".join(out)

    def check(self) -> None:
        """Refuse arguments that are each fine and together are not. Raises WordError."""


def written(a: Argument, v: Any) -> str:
    """The value of an argument as a spec has it: a path in quotes, whatever it is called, so that it is taken for no switch;
    whole numbers in brackets where they are a list and no size."""
    if isinstance(v, str) and a.kind in ("text", "value") and (a.position is not None or not v.isidentifier()):
        return f'"{v}"'
    if isinstance(v, tuple) and a.kind in ("list", "value") and not any(isinstance(x, tuple) for x in v):
        return f"[{', '.join(map(spelled, v))}]"
    return spelled(v)


def spelled(v: Any) -> str:
    """A value as the language writes it."""
    if isinstance(v, bool):
        return "yes" if v else "no"
    if v is None:
        return "none"
    if isinstance(v, tuple) and v and all(isinstance(x, int) and not isinstance(x, bool) for x in v):
        return shape_text(v) if len(v) > 1 else f"[{v[0]}]"
    if isinstance(v, tuple):
        return "[" + ", ".join((f"({', '.join(map(spelled, x))})" if len(x) > 1 else f"[{spelled(x[0])}]")
                               if isinstance(x, tuple) and x else spelled(x) for x in v) + "]"
    if isinstance(v, float):
        return short if float(short := f"{v:g}") == v else repr(v)
    return str(v)


_ARGUMENTS: dict[type, tuple[Argument, ...]] = {}


def arguments(cls: type[Word]) -> tuple[Argument, ...]:
    """The arguments of a word, in the order of its fields."""
    if cls not in _ARGUMENTS:
        _ARGUMENTS[cls] = tuple(
            Argument(f.name, f.name.rstrip("_"), default=f.default,
                     **{k: f.metadata[k] for k in ("kind", "doc", "position", "words", "least", "most", "below")})
            for f in dataclasses.fields(cls)  # type: ignore[arg-type]
            if f.metadata
        )
    return _ARGUMENTS[cls]
