"""Statements that hold a body and say what becomes of its value: a suite, `residual`, `dense`, `each`, `frozen`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ...diagnostics import Label, near
from ...ir.types import TensorType, shape_text
from ...layers.structural.join_views import JoinViews
from ...layers.structural.split_views import SplitViews
from ...syntax import tree
from ..binding.expressions import truth
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope
from ..model.values import NOTHING, Flow
from ..steps.merges import dense, residual
from .constants import context_after
from .places import keyword, last_line
from .undecided import undecided


def suite(e: Elaborator, s: tree.Suite, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    for k, x in enumerate(s.statements):
        kind = x.__class__
        if isinstance(x, tree.Residual) and x.shortcut is None and _shortcut_lost(s.statements[k + 1 :]):
            x = replace(x, shortcut=tree.Shortcut(None, tree.Hole(None, x.span), x.span))  # whatever it was to make
        if kind is tree.Default or kind is tree.Constant:
            with e.guarded():
                c = context_after(e, x, flow, c)
        else:
            flow = e.run(x, flow, scope, c)
    return flow


def _shortcut_lost(following: tuple[Any, ...]) -> bool:
    """Whether a residual's shortcut stands on a line that was not read as one."""
    for k, x in enumerate(following):
        if isinstance(x, tree.Residual):
            return False
        if k == 0 and isinstance(x, tree.Labelled) and near(x.name, ("shortcut",)):
            return True
        if isinstance(x, tree.Hole) and re.match(r"\s*(?:shortcut|else)\b", x.span.source.line(x.span.line)):
            return True
    return False


def residual_line(e: Elaborator, s: tree.Residual, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    head = keyword(s.span, "residual")
    if flow is None:
        raise Mistake("no-flow", "there is no flow yet for this residual to read", head,
                      hint="begin the net with:  input 3x224x224")
    body = e.run(s.body, flow, scope, c)
    other, which = flow, "the input"
    if s.shortcut is not None:
        try:
            taken = s.shortcut.condition is None or truth(s.shortcut.condition, c, flow)
        except (Silent, Mistake) as m:
            if isinstance(m, Mistake):
                e.report(m.diagnostic)
            undecided(e, [s.shortcut.body], flow, scope, c)
            return body.unsure() if body else NOTHING
        if not taken:
            e.coverage.passed_over(s.shortcut.body, c)
        else:
            e.coverage.taken.add(id(s.shortcut.body))
            k = scope.counts.get("shortcut", 0) + 1
            while (name := "shortcut" if k == 1 else f"shortcut{k}") in scope.kids:
                k += 1
            scope.counts["shortcut"] = k
            inner = scope.claim(name, s.shortcut.span)
            out = e.run(s.shortcut.body, flow, inner, c)
            assert out is not None
            inner.value = other = out
            which = "the shortcut"
    assert body is not None
    e.draft.ends_with_output = False
    ends = (Label(last_line(s.body), "the body ends here"),
            *((Label(last_line(s.shortcut.body), "the shortcut ends here"),) if which == "the shortcut" and s.shortcut else ()))
    return residual(e, ends, body, other, which, scope, head)


def dense_line(e: Elaborator, s: tree.Dense, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    head = keyword(s.span, "dense")
    if flow is None:
        raise Mistake("no-flow", "there is no flow yet for this body to read", head, hint="begin the net with:  input 3x224x224")
    body = e.run(s.body, flow, scope, c)
    assert body is not None
    e.draft.ends_with_output = False
    return dense(e, flow, body, scope, head)


def each(e: Elaborator, s: tree.Each, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    span = keyword(s.span, "each")
    if flow is None:
        raise Mistake("no-flow", "there is no flow yet for this body to read", span,
                      hint="begin the net with:  input (12, 3, 224, 224)")
    if s.axis is not None:
        e.draft.axes.add(s.axis)
    if flow.sure and len(flow.type.shape) < 2:
        raise Mistake("wrong-rank", "`each` runs over the first axis, and the flow has only one", span,
                      f"it is {shape_text(flow.type.shape)}",
                      hint="declare the input with its views first:  input (12, 3, 224, 224)")
    if not flow.sure:
        e.run(s.body, Flow("", TensorType((None,) * max(1, len(flow.type.shape) - 1)), False), scope, c)
        return flow.unsure()
    first = scope.numbered("split_views", span)
    first.value = inner = e.add(first.path, SplitViews(), [flow], span, scope.path)
    out = e.run(s.body, inner, scope, c)
    assert out is not None
    e.draft.ends_with_output = False
    last = scope.numbered("join_views", span)
    if not out.sure:
        last.value = Flow("", TensorType((flow.type.shape[0], *out.type.shape), flow.type.batch), False, (), None, out.ranked)
        return last.value
    last.value = e.add(last.path, JoinViews(), [out], span, scope.path)
    return last.value


def frozen(e: Elaborator, s: tree.Frozen, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    e.way.frozen += 1
    try:
        return e.run(s.body, flow, scope, c)
    finally:
        e.way.frozen -= 1
