"""Statements that move the flow: a step, a reference, a chain of them."""

from __future__ import annotations

from ...syntax import tree
from ..binding.arguments import reference
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.scopes import Scope
from ..model.values import Flow


def steps(e: Elaborator, s: tree.Steps, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    for x in s.items:
        if x.__class__ is tree.Call:
            flow = e.step(x, flow, scope, c)
        else:
            flow = e.run(x, flow, scope, c)
    return flow


def call(e: Elaborator, s: tree.Call, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    return e.step(s, flow, scope, c)


def reference_line(e: Elaborator, s: tree.Reference, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    e.draft.ends_with_output = False
    place = reference(e, s, flow, scope, c)
    assert place.value is not None
    return place.value
