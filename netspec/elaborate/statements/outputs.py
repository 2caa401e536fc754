"""`output`: a value that is a result of the net."""

from __future__ import annotations

from typing import Any

from ...diagnostics import Advice
from ...syntax import tree
from ..binding.arguments import spot_name
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope, head_of
from ..model.values import Flow
from ..steps.labels import labelled_body, single_call
from .undecided import undecided


def output(e: Elaborator, s: tree.Output, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    try:
        name = spot_name(s.name, s.index, c, flow)
    except (Silent, Mistake):  # its number is not known
        undecided(e, [s.body] if s.body is not None else [], flow, scope, c)
        raise
    span = head_of(s.span, f"output {s.name}")
    if flow is None and s.body is None:
        raise Mistake("no-flow", "there is no flow yet for this output to tap", span, hint="begin the net with:  input 3x224x224")
    out = flow
    if s.body is not None:
        nested = e.way.nets > 0
        e.way.side += nested
        try:
            if single_call(s.body) is None and isinstance(_alone(s.body), tree.Reference):
                out = e.run(s.body, flow, scope, c)
                if name not in scope.kids and out is not None:
                    scope.claim(name, span).value = out
            else:
                out = labelled_body(e, name, s.body, flow, scope, c, span)
        finally:
            e.way.side -= nested
    elif name not in scope.kids and out is not None:
        scope.claim(name, span).value = out
    assert out is not None
    if e.way.nets == 0:
        _, taken = e.draft.outputs.get(name, (None, None))
        if taken is not None:
            e.report(Mistake("duplicate-name", f"there are two outputs called `{name}`", span, "the second one" if taken != span
                             else "this name is taken again in every turn",
                             hint=Advice(f"number them:  output {name}[i]: ...")).diagnostic)
        e.draft.outputs[name] = out, span
        if out.sure:
            e.draft.read.add(out.value)
    e.draft.ends_with_output = True
    return flow


def _alone(body: Any) -> Any:
    """The one statement of a line or suite, else None."""
    while isinstance(body, (tree.Suite, tree.Steps)):
        inner = body.statements if isinstance(body, tree.Suite) else body.items
        if len(inner) != 1:
            return None
        body = inner[0]
    return body
