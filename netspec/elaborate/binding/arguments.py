"""The arguments of a call, and the nodes that they refer to."""

from __future__ import annotations

from typing import Any

from ...diagnostics import Label
from ...source import Span
from ...syntax import tree
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope, find
from ..model.values import UNKNOWN_VALUE, Flow, Symbol, described
from .expressions import evaluate, undefined
from .kinds import Given


class Arguments:
    """A call's arguments, evaluated."""

    __slots__ = ("given", "options", "stride", "upto")

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.options: dict[str, Given] = {}
        self.stride: Given | None = None
        self.upto: tree.Upto | None = None


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
    found = find(scope, parts, ref.span, c.env, e.coverage.maybe)
    if found.value is not None and found.value.sure:
        e.draft.read.add(found.value.value)
    return found


def flow_of(place: Scope) -> Flow:
    if place.value is None:
        raise Silent
    return place.value


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
