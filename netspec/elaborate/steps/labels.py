"""A labelled line: the name of its one call, or a scope around its steps."""

from __future__ import annotations

from typing import Any

from ...source import Span
from ...syntax import tree
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake
from ..model.scopes import Scope
from ..model.values import Flow


def labelled_body(e: Elaborator, name: str, body: Any, flow: Flow | None, scope: Scope, c: Context, span: Span) -> Flow:
    """A label: the name of its one call, or a scope."""
    call = single_call(body)
    if call is not None:
        for x in _before(body, call):
            flow = e.run(x, flow, scope, c)
        out = e.step(call, flow, scope, c, name)
        place = scope.kids.get(name)
        if place is not None and place.replay is not None:
            place.span = span
        return out
    place = scope.claim(name, span)
    place.replay = (body, c)
    out_ = e.run(body, flow, place, c)
    if out_ is None:
        raise Mistake("no-flow", "there is no flow yet for this line to read", span, hint="begin the net with:  input 3x224x224")
    return e.done(place, out_)


def single_call(body: Any) -> tree.Call | None:
    """The one call a label stands for: alone, behind references that only move the flow, or alone in a suite."""
    while True:
        if body.__class__ is tree.Call:
            found: tree.Call = body
            return found
        if body.__class__ is tree.Suite and len(body.statements) == 1:
            body = body.statements[0]
        elif body.__class__ is tree.Steps:
            calls = [x for x in body.items if x.__class__ is not tree.Reference]
            if len(calls) != 1 or body.items[-1].__class__ is tree.Reference:
                return None
            body = calls[0]
        else:
            return None


def _before(body: Any, call: tree.Call) -> tuple[Any, ...]:
    """The references that move the flow before a labelled call."""
    while body is not call:
        if body.__class__ is tree.Suite:
            body = body.statements[0]
        else:
            calls = [x for x in body.items if x.__class__ is not tree.Reference]
            if calls[0] is call:
                return tuple(x for x in body.items if x is not call)
            return tuple(x for x in body.items if x is not calls[0]) + _before(calls[0], call)
    return ()


def no_flow(node: tree.Call) -> Mistake:
    return Mistake("no-flow", "there is no flow yet for this step to read", node.span, "nothing stands above it",
                   hint="begin the net with:  input 3x224x224")
