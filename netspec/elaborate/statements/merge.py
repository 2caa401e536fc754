"""A merge with its branches under it."""

from __future__ import annotations

from ...diagnostics import Advice
from ...source import Span
from ...syntax import tree
from ..binding.arguments import arguments
from ..binding.resolve import resolve
from ..model.elaborator import Elaborator
from ..model.files import UNKNOWN, Context, Macro
from ..model.mistakes import Mistake
from ..model.scopes import Scope
from ..model.values import Flow
from ..steps.calls import use
from ..steps.labels import no_flow
from ..steps.merges import join
from .constants import context_after
from .undecided import undecided


def merge(e: Elaborator, node: tree.Merge, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    """`concat:` and its branches, each run on the same flow."""
    e.tick(node.call.span)
    if flow is None:
        raise no_flow(node.call)
    try:
        name, target = resolve(node.call, c)
    except Mistake as m:
        e.report(m.diagnostic)
        return undecided(e, [s for b in node.branches for s in b.statements], flow, scope, c)
    if target is UNKNOWN:
        return undecided(e, [s for b in node.branches for s in b.statements], flow, scope, c)
    if len(node.branches) == 1 and not node.call.arguments and not isinstance(target, Macro):
        e.say("warning", "unconnected", f"this `{name}:` has one branch, and joins it with nothing", node.call.span,
              "one value, as it is", hint="add a second line that begins with `|`:  | skip")
    is_block = isinstance(target, Macro)
    if not is_block and (target is None or target.category != "merge"):
        raise Mistake("wrong-word", f"`{name}` does not merge branches", node.call.name_span,
                      "only a merge has `|` lines under it",
                      hint=Advice("concat, add, sub, mul, max, mean merge; so does a block with several inputs"))
    args = arguments(e, node.call, flow, scope, c)
    outs: list[tuple[str, Flow, Span]] = []
    for k, b in enumerate(node.branches, 1):
        out: Flow | None = flow
        inner = c
        for s in b.statements:
            if isinstance(s, (tree.Default, tree.Constant)):
                with e.guarded():
                    inner = context_after(e, s, out, inner)
            else:
                out = e.run(s, out, scope, inner)
        assert out is not None
        outs.append((f"branch {k}", out, b.statements[-1].span))
    e.draft.ends_with_output = False
    refs = [(f"@{g.value.path}", g.value.value, g.span) for g in args.given if isinstance(g.value, Scope)]
    if is_block:
        return use(e, node.call, target, args, flow, scope, c, None, [f for _, f, _ in outs])
    return join(e, node.call, target, args, [*outs, *refs], scope, c, None)
