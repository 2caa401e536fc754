"""What expressions evaluate to, and what passes down the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...ir.types import TensorType, shape_text
from ...words import spelled


@dataclass(frozen=True, slots=True)
class Named:
    """What an expression may come to that is known by its name alone: a word, a block, a net."""

    name: str

    @property
    def kind(self) -> str:
        """`word`, `block` or `net`, for messages."""
        return "word"


@dataclass(frozen=True, slots=True)
class Symbol(Named):
    """A bare word: the name of a layer, an activation, a switch."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A value on its way down the page. `sure` is False after a mistake: then sizes that are None are unknown because of
    it, and what goes wrong for want of them is not reported."""

    value: str
    type: TensorType
    sure: bool = True
    joined: tuple[Flow, ...] = ()  # for the result of `dense`: what was concatenated
    most: tuple[int | None, ...] | None = None  # when not sure: sizes that it has at most
    ranked: bool = True  # when not sure: whether its number of axes is certain

    def unsure(self) -> Flow:
        """What can still be said of it after a mistake: its number of axes, and that it has hardly grown."""
        most = self.type.shape if self.sure else self.most
        return Flow("", TensorType((None,) * len(self.type.shape), self.type.batch), False, (), most, self.ranked)

    def doubted(self) -> Flow:
        """The same sizes, of a value that is not in the graph: what a mistake elsewhere on the line cannot have changed."""
        return Flow("", self.type, False, (), self.type.shape) if self.sure else self

    @property
    def largest(self) -> TensorType:
        """Its type as far as is known, with the sizes it has at most."""
        if self.sure or self.most is None or len(self.most) != len(self.type.shape):
            return self.type
        return TensorType((self.type.shape[0], *self.most[1:]), self.type.batch)


NOTHING = Flow("", TensorType((None, None, None)), False, ranked=False)


class Unknown:
    """A value nobody can know: a parameter of a block that is looked at without being called."""


UNKNOWN_VALUE = Unknown()


@dataclass(frozen=True, slots=True)
class Incoming:
    """`in`."""

    flow: Flow


def described(v: Any) -> str:
    """A value in a message."""
    if isinstance(v, Named):
        return f"the {v.kind} `{v.name}`"
    if isinstance(v, Incoming):
        return "the flow `in`"
    if isinstance(v, bool) or v is None:
        return f"`{spelled(v)}`"
    if isinstance(v, str):
        return f'the text "{v}"'
    if isinstance(v, (int, float)):
        return f"the number {v:g}" if isinstance(v, float) else f"the number {v}"
    if isinstance(v, tuple):
        sizes = v and all(x is None or (isinstance(x, int) and not isinstance(x, bool)) for x in v)
        return f"the sizes {shape_text(v)}" if sizes else "a list"
    return f"the node @{v.path}" if hasattr(v, "path") else str(v)


def is_number(v: Any) -> bool:
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def plain(v: Any) -> Any:
    """A value as a word's field keeps it: words and references by name, lists as tuples."""
    if isinstance(v, Named):
        return v.name
    if isinstance(v, tuple):
        return tuple(plain(x) for x in v)
    return v
