"""What expressions evaluate to, and what passes down the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..diagnostics import Diagnostic, Label
from ..ir.types import TensorType, shape_text
from ..source import Span
from ..words import spelled

if TYPE_CHECKING:
    from ..syntax import tree
    from .files import File
    from .scopes import Scope


class Mistake(Exception):
    """Something is wrong here; whoever catches it adds the way in."""

    def __init__(self, code: str, title: str, span: Span, label: str = "", notes: tuple[str, ...] = (), hint: str | None = None,
                 peers: tuple[Label, ...] = (), meant: str | None = None):
        super().__init__(title)
        self.meant = meant  # the word that was probably to stand here
        self.diagnostic = Diagnostic(code, title, (Label(span, label), *peers), notes, hint)


class Fatal(Mistake):
    """A mistake after which going on could take forever: endless recursion, a limit."""


class Silent(Exception):
    """What is looked at depends on something already reported."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A bare word: the name of a layer, an activation, a switch."""

    name: str


@dataclass(frozen=True, slots=True)
class Macro:
    """A block, a net or a variant, and the file it is lexically in."""

    item: tree.Definition | tree.Variant
    file: File

    @property
    def name(self) -> str:
        return self.item.name


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
    if isinstance(v, Symbol):
        return f"the word `{v.name}`"
    if isinstance(v, Macro):
        return f"the {'net' if v.item.__class__.__name__ == 'Variant' else v.item.kind} `{v.name}`"  # type: ignore[union-attr]
    if isinstance(v, Incoming):
        return "the flow `in`"
    if isinstance(v, bool) or v is None:
        return f"`{spelled(v)}`"
    if isinstance(v, str):
        return f'the text "{v}"'
    if isinstance(v, (int, float)):
        return f"the number {v:g}" if isinstance(v, float) else f"the number {v}"
    if isinstance(v, tuple):
        return f"the sizes {shape_text(v)}" if v and all(x is None or (isinstance(x, int) and not isinstance(x, bool))
                                                         for x in v) else "a list"
    return f"the node @{v.path}" if hasattr(v, "path") else str(v)


def is_number(v: Any) -> bool:
    return isinstance(v, (int, float)) and not isinstance(v, bool)


def plain(v: Any) -> Any:
    """A value as a word's field keeps it: words and references by name, lists as tuples."""
    if isinstance(v, (Symbol, Macro)):
        return v.name
    if isinstance(v, tuple):
        return tuple(plain(x) for x in v)
    return v


if TYPE_CHECKING:
    Value = int | float | bool | None | str | tuple[Any, ...] | Symbol | Macro | Scope | Incoming
