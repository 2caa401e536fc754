"""What a step names: a layer, a block, its arguments, the nodes it refers to."""

from __future__ import annotations

from typing import Any

from ..diagnostics import Advice, Label, near
from ..layers import LAYERS
from ..source import Span
from ..syntax import tree
from ..syntax.habits.names import ALIASES
from .argument_kinds import Given
from .elaborator import Elaborator
from .expressions import evaluate, undefined
from .files import STRUCTURAL, UNKNOWN, Context
from .scopes import Scope, find
from .values import UNKNOWN_VALUE, Flow, Macro, Mistake, Silent, Symbol, described


class Arguments:
    """A call's arguments, evaluated."""

    __slots__ = ("given", "options", "stride", "upto")

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.options: dict[str, Given] = {}
        self.stride: Given | None = None
        self.upto: tree.Upto | None = None


def no_flow(node: tree.Call) -> Mistake:
    return Mistake("no-flow", "there is no flow yet for this step to read", node.span, "nothing stands above it",
                   hint="begin the net with:  input 3x224x224")


def flow_of(place: Scope) -> Flow:
    if place.value is None:
        raise Silent
    return place.value


def macro_torn(macro: Macro) -> bool:
    """Whether the head of a definition could not be read, so that its calls cannot be judged."""
    return macro.name in macro.file.module.torn


# ---------------------------------------------------------------- what a name means


def resolve(node: tree.Call, c: Context) -> tuple[str, Any]:
    """A block, a layer class, or None for the steps that are structure."""
    name = node.name
    held = c.env.get(name)
    if held is UNKNOWN_VALUE:
        return name, UNKNOWN
    if held is not None:
        if isinstance(held, Macro):
            return name, held
        if isinstance(held, Symbol):
            name = held.name
    macro = c.file.definitions.get(name)
    if macro is not None:
        c.file.used.add(name)
        return name, macro
    cls = LAYERS.get(name)
    if cls is not None:
        return name, cls
    if name in STRUCTURAL:
        return name, None
    if held is not None and not isinstance(held, Symbol):
        raise Mistake("wrong-word", f"`{name}` is {described(held)}, not a layer or block", node.name_span,
                      "only a layer or block can be a step", hint=Advice("hand in a word, for example  relu"))
    raise unknown(name, node.name_span, c, LAYERS, via=node.name if isinstance(held, Symbol) else None)


def unknown(name: str, span: Span, c: Context, layers: Any, via: str | None = None) -> Mistake:
    """A word nobody knows."""
    alias = ALIASES.get(name.lower())
    blocks = list(c.file.definitions)
    alike = near(name, [*layers, *blocks, *STRUCTURAL, *(k for k, v in c.env.items() if isinstance(v, (Macro, Symbol)))])
    head = near(name, ("residual", "dense", "each", "frozen", "repeat", "output", "input"))
    if name.lower() == "flatten" and name not in layers:
        hint: str | None = Advice("fc flattens by itself; drop this line")
    elif name in ("return", "end", "pass"):
        hint = Advice("drop this line: a body ends with its last line, and its value is the result")
    elif _of_training(name):
        hint = Advice(
            f"it belongs into a train section:  train NAME:  {span.source.line(span.line)[span.column - 1 :].split('#')[0].rstrip()}")
    elif name.lower() in layers:
        hint = f"did you mean `{name.lower()}`?"
    elif alias and (alias.split()[0] in layers or alias in STRUCTURAL):
        hint = f"in .net this is called:  {alias}"
    elif alike:
        hint = f"did you mean `{alike}`?"
    elif head:
        hint = f"did you mean `{head}`?" if head in ("input", "output") else f"did you mean `{head}:`?"
    else:
        hint = Advice(f"define it above:  block {name}(...): ...")
    label = ("not a layer, not a block of this file" if via is None
             else f"`{via}` is `{name}` here, which is not a layer and not a block")
    meant = None if _of_training(name) else next((w for w in (alias and alias.split()[0], name.lower(), alike) if w in layers
                                                  or w in blocks), head)
    return Mistake("unknown-word", f"I know no layer or block called `{name}`", span, label, hint=hint, meant=meant)


def _of_training(name: str) -> bool:
    """Whether the word begins a line of a train section."""
    from ..optimisers import OPTIMISERS
    from .training import SETTINGS

    return name in SETTINGS or name in OPTIMISERS


# ---------------------------------------------------------------- arguments


def arguments(e: Elaborator, node: tree.Call, flow: Flow | None, scope: Scope, c: Context) -> Arguments:
    """Evaluate a call's arguments. A mistake in one does not hide those in others: its value is not known."""
    out = Arguments()
    a: Any
    for a in node.arguments:
        kind = a.__class__
        if kind is tree.Option:
            if a.name in out.options:
                raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time",
                              peers=(Label(out.options[a.name].span, "the first"),))
            out.options[a.name] = _given(e, a.value, a.span, flow, scope, c)
        elif kind is tree.Stride:
            if out.stride is not None:
                raise Mistake("duplicate-option", "the stride is given twice", a.span, "the second time")
            out.stride = _given(e, a.value, a.span, flow, scope, c)
            if isinstance(out.stride.value, Symbol):
                e.report(undefined(a.value, c).diagnostic)
                out.stride = Given(UNKNOWN_VALUE, a.span)
        elif kind is tree.Upto:
            if out.upto is not None:
                raise Mistake("duplicate-option", "`upto` is given twice", a.span, "the second time")
            out.upto = a
        else:
            out.given.append(_given(e, a, a.span, flow, scope, c))
    return out


def _given(e: Elaborator, a: Any, span: Span, flow: Flow | None, scope: Scope, c: Context) -> Given:
    refers = a.__class__ is tree.Reference
    try:
        if refers:
            return Given(reference(e, a, flow, scope, c), span)
        v = evaluate(a, c, flow)
    except (Mistake, Silent) as m:
        if isinstance(m, Mistake):
            e.report(m.diagnostic)
        return Given(UNKNOWN_VALUE, span, "@" if refers else None)
    return Given(v, span, a.name if a.__class__ is tree.Name and a.name not in c.env else None)


def reference(e: Elaborator, ref: tree.Reference, flow: Flow | None, scope: Scope, c: Context) -> Scope:
    """The place a reference means."""
    parts = [spot_name(s.name, s.index, c, flow) for s in ref.spots]
    found = find(scope, parts, ref.span, c.env, e.maybe)
    if found.value is not None and found.value.sure:
        e.read.add(found.value.value)
    return found


def spot_name(name: str, index: Any, c: Context, flow: Flow | None) -> str:
    """`stage[i]` spells stage3."""
    if index is None:
        return name
    v = evaluate(index, c, flow)
    if isinstance(v, Symbol):
        raise undefined(index, c)
    if v is UNKNOWN_VALUE:
        raise Silent
    if isinstance(v, float) and v.is_integer():
        v = int(v)
    if not isinstance(v, int) or isinstance(v, bool) or v < 0:
        raise Mistake("bad-index", "a name is numbered with a whole number", index.span, f"this is {described(v)}")
    return f"{name}{v}"
