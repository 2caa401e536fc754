"""`reuse @a`: the steps of a label once more, with the same weights."""

from __future__ import annotations

from ...diagnostics import Advice
from ...limits import CALLED
from ...syntax import tree
from ..binding.arguments import Arguments
from ..model.elaborator import Elaborator
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow
from .labels import labelled_body, no_flow


def reuse(e: Elaborator, node: tree.Call, args: Arguments, flow: Flow | None, scope: Scope, label: str | None) -> Flow:
    """Run the steps of a label again with the same weights."""
    if any(g.value is UNKNOWN_VALUE for g in args.given):
        raise Silent
    if len(args.given) != 1 or not isinstance(args.given[0].value, Scope) or args.options or args.stride:
        named = next((g.name for g in args.given if g.name in scope.kids), None)
        raise Mistake("wrong-argument", "reuse takes one node", node.span, hint=f"reuse @{named}" if named
                      else next((f"reuse @{g.value.path}" for g in args.given if isinstance(g.value, Scope)), None))
    if flow is None:
        raise no_flow(node)
    original: Scope = args.given[0].value
    if original.replay is None:
        raise Mistake("wrong-argument", f"@{original.path} is no step that could run again", args.given[0].span,
                      "it is not a labelled step or suite")
    if len(e.way.reused) >= CALLED or any(there == original.path for _, there in e.way.reused):
        raise Mistake("endless-recursion", f"@{original.path} is run again inside itself", node.span, "it holds this very line",
                      hint=Advice("reuse it after its last line"))
    body, c = original.replay
    name = label or scope.numbered("reuse", node.span).name
    scope.kids.pop(name, None) if label is None else None
    place_path = f"{scope.path}.{name}" if scope.path else name
    e.way.reused.append((place_path, original.path))
    before = len(e.findings.all)
    try:
        return labelled_body(e, name, body, flow, scope, c, node.span)
    finally:
        e.way.reused.pop()
        e.findings.of_another_use(before, node.span)
