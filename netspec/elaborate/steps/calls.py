"""Calls of blocks and nets: parameters and inputs bound, the body run in a scope of its own."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...diagnostics import Advice, near
from ...limits import CALLED
from ...source import Span
from ...syntax import tree
from ...words import spelled
from ..binding.arguments import Arguments, flow_of
from ..binding.kinds import Given
from ..model.elaborator import Elaborator, Stop
from ..model.files import Context, Macro
from ..model.mistakes import Mistake, Silent
from ..model.origins import origins
from ..model.scopes import Scope, below
from ..model.values import UNKNOWN_VALUE, Flow, Incoming, plain
from ..model.way import Call
from .definitions import input_lines, open_macro
from .labels import no_flow
from .weight_files import weight_file


def use(e: Elaborator, node: tree.Call, macro: Macro, args: Arguments, flow: Flow | None, scope: Scope, c: Context,
        label: str | None, bound_inputs: list[Flow] | None = None) -> Flow:
    """Call a block or net: its parameters bound, its body run in a scope of its own."""
    span = node.span
    if (e.way.guessing or e.coverage.looking) and e.way.depth(macro.name):
        raise Silent  # what would end the recursion is not known
    if len(e.way.calls) >= CALLED:
        name = macro.name
        e.findings.forget(name)
        again = e.way.depth(name)
        raise e.fatal("endless-recursion", f"`{name}` calls itself without end" if again
                      else f"blocks are called more than {CALLED} levels deep", span, f"{CALLED} levels deep",
                      Advice("guard the inner call with  if depth > 0:"))
    try:
        definition, env, named, inner = open_macro(macro, args, node, c, flow)
    except Mistake as m:
        if not isinstance(macro.item, tree.Definition):
            raise
        node_named = next((g.name for g in (*args.given, *args.options.values()) if g.span == m.diagnostic.span
                           and g.name in scope.kids), None)
        e.report(m.diagnostic if node_named is None
                 else dataclasses.replace(m.diagnostic, hint=f"a node is written with `@`:  @{node_named}"))
        definition, env, named, inner = open_macro(macro, _forgiven(macro, args, m), node, c, flow)
    if e.way.guessing and flow is not None and not flow.ranked:
        raise Silent  # its body is looked at by itself
    e.coverage.entered.add(id(definition))
    weights = (weight_file(e, named),) if named is not None else None
    inputs = input_lines(definition.body)
    place = scope.numbered(macro.name, span, wall=True) if label is None else scope.claim(label, span, wall=True)
    if label is not None:
        scope.count(macro.name)
    place.replay = (node, c)
    e.draft.calls[place.path] = _evaluated(macro, args)
    if definition.kind == "net" or inputs:
        flow_in = _bind_inputs(e, node, macro, inputs, args, flow, bound_inputs, env)
    elif flow is None:
        raise no_flow(node)
    else:
        flow_in = None
    inside = Context(env, inner.places.get(definition.name, inner.defaults), inner, origins(definition.params, args, c.origins))
    return _enter(e, node, macro, definition, inside, flow if flow_in is None else None, flow_in, place, args.upto, weights, span)


def _evaluated(macro: Macro, args: Arguments) -> str:
    """A call as it reads where it is made: `bottleneck 64 /2`, though the text may say `unit n /stride`."""
    values = [*((g.value, "") for g in args.given), *((g.value, f"{k}=") for k, g in args.options.items()),
              *([(args.stride.value, "/")] if args.stride is not None else [])]
    upto = [f"upto {args.upto.path}"] if args.upto else []
    return " ".join((macro.name, *(before + _spelled(v) for v, before in values), *upto))


def _spelled(v: Any) -> str:
    if isinstance(v, Scope):
        return f"@{v.path}"
    if isinstance(v, str):
        return f'"{v}"'
    return "in" if isinstance(v, Incoming) else spelled(plain(v))


def _enter(e: Elaborator, node: tree.Call, macro: Macro, definition: tree.Definition, inside: Context, flow: Flow | None,
           inputs: list[Flow] | None, place: Scope, upto: tree.Upto | None, weights: Any, span: Span) -> Flow:
    outer_stop, outer_binding, outer_nets, muted = e.way.stop, e.way.inputs, e.way.nets, e.findings.muted
    e.findings.muted = 0  # a call may have been read otherwise than it is written: the lines of the body are not
    if upto is not None:
        e.way.stop = f"{place.path}.{upto.path}" if place.path else upto.path
    e.way.calls.append(Call(macro.name, place.path, span))
    spans, e.way.spans = e.way.spans, (span, *e.way.spans)
    if inputs is not None:
        e.way.inputs = [*e.way.inputs, inputs]
        e.way.nets += 1
    if weights is not None:
        e.way.weights.append((place.path, weights[0]))
    stopped = False
    try:
        out = e.run(definition.body, flow, place, inside)
        if out is None:
            raise Mistake("no-flow", f"`{macro.name}` makes no value", span, "it has no input and no step")
    except Stop as s:
        if upto is None or e.way.stop != (f"{place.path}.{upto.path}" if place.path else upto.path):
            raise
        out, stopped = s.flow, True
    finally:
        e.way.stop, e.way.inputs, e.way.nets, e.way.spans, e.findings.muted = outer_stop, outer_binding, outer_nets, spans, muted
        e.way.calls.pop()
        if weights is not None:
            e.way.weights.pop()
    if upto is not None and not stopped and (out.sure or _straight(definition.body)):
        last = upto.path.rsplit(".", 1)[-1]
        names = [*place.kids]
        alike = near(upto.path.split(".")[0], names)
        deep = below(place, last)
        meant = deep[0] if deep else alike
        raise Mistake("missing-reference", f"`{macro.name}` has no node `{upto.path}`", upto.span, "not in this net",
                      notes=(f"in it are: {', '.join(names[:12])}",),
                      hint=f"did you mean `{meant}`?" if meant else f"for example:  upto {names[-1]}" if names else None)
    if upto is not None and not stopped:
        out = dataclasses.replace(out.unsure(), ranked=False)  # it went on past the node that was meant
    e.draft.ends_with_output = False
    if out.value.startswith(f"{place.path}."):
        e.draft.results[out.value] = place.path, span
    return e.done(place, out)


def _straight(body: Any) -> bool:
    """Whether every line of a body runs whatever its numbers are, so that its nodes are known by name."""
    return not any(isinstance(n, (tree.Hole, tree.If, tree.For, tree.Repeat)) for n in tree.walk(body))


def _forgiven(macro: Macro, args: Arguments, m: Mistake) -> Arguments:
    """What a wrong call still says: a parameter that is missing, or that a mistake blames, has a value nobody knows."""
    out = Arguments()
    at, params = m.diagnostic.span, macro.item.params
    values = dict(zip((p.name for p in params), args.given)) | args.options
    if args.stride is not None:
        values.setdefault("stride", args.stride)
    for p in params:
        g = values.get(p.name)
        if g is not None and g.span != at:
            out.options[p.name] = g
        elif g is not None or p.default is None or p.default.span == at:
            out.options[p.name] = Given(UNKNOWN_VALUE, at if at is not None else macro.item.span)
    return out


def _bind_inputs(e: Elaborator, node: tree.Call, macro: Macro, lines: list[tree.InputLine], args: Arguments, flow: Flow | None,
                 given: list[Flow] | None, env: dict[str, Any]) -> list[Flow]:
    """Values for the `input` lines of a called net: the flow first, further ones by name or in order."""
    if not lines:
        raise Mistake("no-flow", f"the net `{macro.name}` has no input", node.span, hint="a net begins with:  input 3x224x224")
    values: list[Flow | None] = list(given) if given else [flow]
    if values[0] is None:
        raise no_flow(node)
    params = [p.name for p in macro.item.params]
    extra = [g for g in args.given[len(params) :]
             if isinstance(g.value, Scope)] if isinstance(macro.item, tree.Definition) else []
    values += [flow_of(g.value) for g in extra]
    values += [None] * (len(lines) - len(values))
    names = [s.name or "input" for s in lines]
    if len(values) > len(lines):
        raise Mistake("too-many-arguments",
                      f"`{macro.name}` has {len(lines)} input{'s' if len(lines) > 1 else ''}, and {len(values)} values came",
                      node.span)
    for key, g in args.options.items():
        if isinstance(g.value, Scope) and key in names and key not in env:
            values[names.index(key)] = flow_of(g.value)
    for k, v in enumerate(values):
        refused = any(key not in params and not (key in names and isinstance(g.value, Scope)) for key, g in args.options.items())
        if v is None and (refused or any(g.name == "@" for g in (*args.given, *args.options.values()))):
            raise Silent  # what was refused may have been meant for it
        if v is None:
            raise Mistake("missing-argument", f"the net `{macro.name}` needs a value for its input `{names[k]}`", node.span,
                          "the flow is its first input",
                          hint=f"{tree.source_text(node)} {names[k]}=@{next(iter(e.draft.inputs), 'input')}")
    return [v for v in values if v is not None]
