"""A step: what its word means decides who runs it."""

from __future__ import annotations

from dataclasses import replace

from ...ir.types import shape_text
from ...syntax import tree
from ..binding.arguments import Arguments, arguments
from ..binding.resolve import resolve
from ..model.elaborator import Elaborator
from ..model.files import UNKNOWN, Context, Macro
from ..model.mistakes import Fatal, Mistake, Silent
from ..model.origins import named
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow
from .calls import use
from .labels import no_flow
from .layer_step import layer
from .merges import by_reference
from .misspelt import as_meant, lost
from .reuse import reuse


def step(e: Elaborator, node: tree.Call, flow: Flow | None, scope: Scope, c: Context, label: str | None = None) -> Flow:
    """Run one step; `label` takes the place of its name. After a mistake, what is still known of the result."""
    e.tick(node.span)
    e.draft.ends_with_output = False
    try:
        out = _as_written(e, node, flow, scope, c, label)
        return out if node.span.line not in c.file.module.doubted else out.unsure()
    except Fatal:
        raise
    except Mistake as m:
        e.report(m.diagnostic)
        if m.meant is not None:
            return as_meant(e, node, m.meant, flow, scope, c, label, _as_written)
    except Silent:
        pass
    return lost(node, flow, scope, label)


def _as_written(e: Elaborator, node: tree.Call, flow: Flow | None, scope: Scope, c: Context, label: str | None) -> Flow:
    try:
        name, target = resolve(node, c)
    except Mistake as m:
        if node.name in scope.kids:
            m.meant, m.diagnostic = None, replace(m.diagnostic,
                                                  hint=f"@{node.name}   or   to run its steps again:  reuse @{node.name}")
        if m.diagnostic.code == "wrong-word":
            m.diagnostic = named(m.diagnostic, node.name, c)
        raise
    if isinstance(target, Macro):
        if target is UNKNOWN or target.torn or node.span.line in c.file.module.doubted:
            arguments(e, node, flow, scope, c)
            raise Silent
        return use(e, node, target, arguments(e, node, flow, scope, c), flow, scope, c, label)
    if target is None:
        args = arguments(e, node, flow, scope, c)
        if args.upto:
            raise Mistake("wrong-argument", f"`upto` stops a called net, and {name} is a step", args.upto.span)
        if name == "reuse":
            return reuse(e, node, args, flow, scope, label)
        if flow is None:
            raise no_flow(node)
        if name == "expect":
            return _expect(e, node, args, flow)
        if args.given or args.options or args.stride:
            raise Mistake("too-many-arguments", "skip takes no arguments: it is the flow as it is", node.span, hint="skip")
        if label is not None:
            e.done(scope.claim(label, node.span), flow)
        return flow
    args = arguments(e, node, flow, scope, c)
    if args.upto:
        raise Mistake("wrong-argument", f"`upto` stops a called net, and {name} is a layer", args.upto.span)
    if target.category == "merge":
        return by_reference(e, node, target, args, flow, scope, c, label)
    return layer(e, node, target, args, flow, scope, c, label)


def _expect(e: Elaborator, node: tree.Call, args: Arguments, flow: Flow) -> Flow:
    """`expect 64x56x56`: a statement about the flow that is checked."""
    want = args.given[0].value if len(args.given) == 1 and not args.options else None
    if want is UNKNOWN_VALUE:
        return flow
    want = (want,) if isinstance(want, int) else want
    if not isinstance(want, tuple):
        raise Mistake("wrong-argument", "expect takes one shape", node.span,
                      hint="expect " + "x".join(str(g.value) for g in args.given) if args.given
                      and all(g.value.__class__ is int for g in args.given) else "for example:  expect 64x56x56")
    if flow.sure and (len(want) != len(flow.type.shape) or any(a != b for a, b in zip(want, flow.type.shape) if a is not None)):
        e.report(Mistake("shape-mismatch", "the flow has another shape than expected", node.span,
                         f"it is {shape_text(flow.type.shape)}, not {shape_text(want)}",
                         hint=f"expect {shape_text(flow.type.shape)}").diagnostic)
    return flow
