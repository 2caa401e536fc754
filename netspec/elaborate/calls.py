"""Calls of blocks and nets: parameters and inputs bound, the body run in a scope of its own."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from ..diagnostics import Advice, near
from ..layers import LAYERS
from ..limits import CALLED
from ..reading import Outside, irregular, placed
from ..source import Span
from ..syntax import tree
from ..words import spelled
from .argument_kinds import Given
from .blame import origins
from .elaborator import Elaborator, Stop
from .expressions import CONSTANTS, evaluate
from .files import UNKNOWN, Context, is_known, known_words
from .lookup import Arguments, flow_of, macro_torn, no_flow, unknown
from .scopes import Scope, below
from .values import UNKNOWN_VALUE, Flow, Incoming, Macro, Mistake, Silent, Symbol, described


def use(e: Elaborator, node: tree.Call, macro: Macro, args: Arguments, flow: Flow | None, scope: Scope, c: Context,
        label: str | None, bound_inputs: list[Flow] | None = None) -> Flow:
    """Call a block or net: its parameters bound, its body run in a scope of its own."""
    span = node.span
    if (e.guessing or e.looking) and any(n == macro.name for n, _, _ in e.calls):
        raise Silent  # what would end the recursion is not known
    if len(e.calls) >= CALLED:
        name = macro.name
        e.forget(name)
        again = any(n == name for n, _, _ in e.calls)
        raise e.fatal("endless-recursion", f"`{name}` calls itself without end" if again
                      else f"blocks are called more than {CALLED} levels deep", span, f"{CALLED} levels deep",
                      Advice("guard the inner call with  if depth > 0:"))
    try:
        definition, env, named, inner = open_macro(macro, args, node, c, flow)
    except Mistake as m:
        if not isinstance(macro.item, tree.Definition):
            raise
        named = next((g.name for g in (*args.given, *args.options.values()) if g.span == m.diagnostic.span
                      and g.name in scope.kids), None)
        e.report(m.diagnostic if named is None
                 else dataclasses.replace(m.diagnostic, hint=f"a node is written with `@`:  @{named}"))
        definition, env, named, inner = open_macro(macro, _forgiven(macro, args, m), node, c, flow)
    if e.guessing and flow is not None and not flow.ranked:
        raise Silent  # its body is looked at by itself
    e.entered.add(id(definition))
    weights = (weight_file(e, named),) if named is not None else None
    inputs = input_lines(definition.body)
    place = scope.numbered(macro.name, span, wall=True) if label is None else scope.claim(label, span, wall=True)
    if label is not None:
        scope.count(macro.name)
    place.replay = (node, c)
    if definition.kind == "net" or inputs:
        flow_in = _bind_inputs(e, node, macro, inputs, args, flow, bound_inputs, env)
    elif flow is None:
        raise no_flow(node)
    else:
        flow_in = None
    inside = Context(env, inner.places.get(definition.name, inner.defaults), inner, origins(definition.params, args, c.origins))
    return _enter(e, node, macro, definition, inside, flow if flow_in is None else None, flow_in, place, args.upto, weights, span)


def _enter(e: Elaborator, node: tree.Call, macro: Macro, definition: tree.Definition, inside: Context, flow: Flow | None,
           inputs: list[Flow] | None, place: Scope, upto: tree.Upto | None, weights: Any, span: Span) -> Flow:
    from . import statements

    outer_stop, outer_binding, outer_nets, muted = e.stop, e.binding, e.nets, e.muted
    e.muted = 0  # a call may have been read otherwise than it is written: the lines of the body are not
    if upto is not None:
        e.stop = f"{place.path}.{upto.path}" if place.path else upto.path
    e.calls.append((macro.name, place.path, span))
    spans, e.call_spans = e.call_spans, (span, *e.call_spans)
    if inputs is not None:
        e.binding = [*e.binding, inputs]
        e.nets += 1
    if weights is not None:
        e.weights.append((place.path, weights[0]))
    stopped = False
    try:
        out = statements.run(e, definition.body, flow, place, inside)
        if out is None:
            raise Mistake("no-flow", f"`{macro.name}` makes no value", span, "it has no input and no step")
    except Stop as s:
        if upto is None or e.stop != (f"{place.path}.{upto.path}" if place.path else upto.path):
            raise
        out, stopped = s.flow, True
    finally:
        e.stop, e.binding, e.nets, e.call_spans, e.muted = outer_stop, outer_binding, outer_nets, spans, muted
        e.calls.pop()
        if weights is not None:
            e.weights.pop()
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
    e.ends_with_output = False
    if out.value.startswith(f"{place.path}."):
        e.results[out.value] = place.path, span
    return e.done(place, out)


def _straight(body: Any) -> bool:
    """Whether every line of a body runs whatever its numbers are, so that its nodes are known by name."""
    return not any(isinstance(n, (tree.Hole, tree.If, tree.For, tree.Repeat)) for n in tree.walk(body))


def open_macro(macro: Macro, args: Arguments, node: tree.Call, c: Context,
               flow: Flow | None) -> tuple[tree.Definition, dict[str, Any], Any, Any]:
    """A variant leads to its net: the definition at the end, its parameters bound, the weights file if one is named."""
    seen = []
    weights = None
    v: tree.Variant | None = None
    while isinstance(macro.item, tree.Variant):
        v = macro.item
        if macro in seen:
            raise Mistake("endless-recursion", f"the variant `{v.name}` is defined by itself", v.name_span)
        seen.append(macro)
        own = {p.name for p in v.params}
        env = {**macro.file.env,
               **_parameters(macro, v.params, _only(args, own, v.params), node, flow)} if v.params else macro.file.env
        inner = Context(env, {}, macro.file)
        held = inner.file.definitions.get(v.call.name)
        if held is None and v.call.name in LAYERS:
            raise Mistake("wrong-word", f"`{v.call.name}` is a layer, and a variant is of a net", v.call.name_span,
                          hint=f"net {v.name}:\n  input 3x224x224\n  {tree.source_text(v.call)}")
        if held is None:
            raise unknown(v.call.name, v.call.name_span, inner, {})
        macro.file.used.add(v.call.name)
        if held is UNKNOWN or macro_torn(held):
            raise Silent
        below_args = Arguments()
        for a in v.call.arguments:
            if isinstance(a, (tree.Stride, tree.Upto)):
                if isinstance(a, tree.Upto):
                    args.upto = args.upto or a
                else:
                    below_args.stride = Given(evaluate(a.value, inner, flow), a.span)
            elif isinstance(a, tree.Option):
                if isinstance(a.value, tree.Reference):
                    raise Mistake("wrong-argument", "a variant has no nodes to refer to", a.span)
                if a.name in below_args.options:
                    raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
                below_args.options[a.name] = Given(evaluate(a.value, inner, flow), a.span, a.value.name
                                                   if isinstance(a.value, tree.Name) and a.value.name not in env else None)
            elif isinstance(a, tree.Reference):
                raise Mistake("wrong-argument", "a variant has no nodes to refer to", a.span)
            else:
                below_args.given.append(Given(evaluate(a, inner, flow), a.span, a.name if isinstance(a, tree.Name)
                                              and a.name not in env else None))
        if args.given and not v.params:
            raise Mistake("too-many-arguments", f"`{v.name}` takes no positional arguments", args.given[0].span,
                          "it stands for  " + tree.source_text(v.call), hint=Advice("its parameters can be set by name"))
        below_args.options.update({k: g for k, g in args.options.items() if k not in own})
        below_args.upto = args.upto
        below_args.stride = args.stride or below_args.stride
        args.given, args.options, args.stride = below_args.given, below_args.options, below_args.stride
        macro = held
    d = macro.item
    if v is not None and d.kind == "block" and not input_lines(d.body):
        raise Mistake("wrong-word", f"`{d.name}` is a block, and a variant is of a net", v.call.name_span,
                      "it has no input of its own",
                      hint=f"call it in a net:\nnet {v.name}:\n  input 3x224x224\n  {tree.source_text(v.call)}")
    if "weights" in args.options and "weights" not in {p.name for p in d.params}:
        g = args.options.pop("weights")
        if g.value is UNKNOWN_VALUE:
            raise Silent
        if g.value is not None and not isinstance(g.value, str):
            raise Mistake("wrong-argument", "weights is a file name in quotes, or none", g.span, f"this is {described(g.value)}")
        weights = (g.value, g.span, c.file.module.source.folder)
    env = {**macro.file.env, **_parameters(macro, d.params, args, node, flow)}
    return d, env, weights, macro.file


def _only(args: Arguments, own: set[str], params: tuple[tree.Param, ...]) -> Arguments:
    out = Arguments()
    out.given, args.given = args.given[: len(params)], args.given[len(params) :]
    out.options = {k: g for k, g in args.options.items() if k in own}
    return out


def _parameters(macro: Macro, params: tuple[tree.Param, ...], args: Arguments, node: tree.Call,
                flow: Flow | None) -> dict[str, Any]:
    """Parameter values of one call. Options that name no parameter but a node are left for the inputs."""
    d = macro.item
    names = [p.name for p in params]
    env: dict[str, Any] = {}
    what = f"{'net' if isinstance(d, tree.Variant) else d.kind}"
    given = args.given
    extra = given[len(names) :]
    bad = next((g for g in extra if (not isinstance(g.value, Scope) and g.name != "@") or isinstance(d, tree.Variant)), None)
    if bad is not None:
        raise Mistake("too-many-arguments", f"`{macro.name}` takes {len(names) or 'no'} argument{'' if len(names) == 1 else 's'}",
                      bad.span, "this is one more",
                      notes=(f"it is declared as  {d.head}",) if isinstance(d, tree.Definition) else (),
                      hint=re.sub(r"\bup[ _]?to\b", "upto", bad.span.edited(bad.name or "")) if bad.name == "up"
                      or near(bad.name or "", ("upto",)) else
                      bad.span.edited("", *((g.span, "") for g in extra if g is not bad)))
    for name, g in zip(names, given):
        env[name] = _passed(g, name, node, macro)
    for key, g in args.options.items():
        if key in names:
            if key in env:
                raise Mistake("duplicate-option", f"`{key}` is given twice", g.span, "it was given by position already")
            env[key] = _passed(g, key, node, macro)
        elif isinstance(d, tree.Definition) and any(s.name == key for s in input_lines(d.body)):
            if not isinstance(g.value, Scope) and g.name != "@":
                raise Mistake("wrong-argument", f"`{key}` is an input of `{macro.name}`, and reads a node", g.span, "not a node",
                              hint=f"a node is written with `@`:  {key}=@input")
        elif isinstance(g.value, Scope) and isinstance(d, tree.Definition) and (lines := input_lines(d.body)):
            inputs = [s.name or "input" for s in lines]
            alike = near(key, inputs)
            raise Mistake("unknown-option", f"`{macro.name}` has no input called `{key}`", g.span, "",
                          notes=(f"its inputs: {', '.join(inputs)}",), hint=f"did you mean `{alike}`?" if alike else None)
        else:
            alike = near(key, names) or next((n for n in names if len(n) > 2 and (key.startswith(n) or n.startswith(key))), None)
            raise Mistake("unknown-option", f"`{macro.name}` has no parameter called `{key}`", node.span, "",
                          notes=(f"its parameters: {', '.join(names)}" if names else f"this {what} has no parameters",),
                          hint=f"did you mean `{alike}`?" if alike else None)
    if args.stride is not None:
        if "stride" not in names:
            raise Mistake("wrong-argument", f"`{macro.name}` has no parameter called stride, which `/` sets", args.stride.span,
                          notes=(f"its parameters: {', '.join(names)}" if names else f"this {what} has no parameters",),
                          hint=next((f"{n}={spelled(args.stride.value)}" for n in names if n in ("s", "step", "strides")
                                     and n not in env), None))
        if "stride" in env:
            raise Mistake("duplicate-option", "the stride is given twice", args.stride.span, "it was given before")
        env["stride"] = args.stride.value
    missing = [p.name for p in params if p.name not in env and p.default is None]
    if missing:
        required = [p.name for p in params if p.default is None]
        raise Mistake("missing-argument", f"`{macro.name}` needs a value for `{missing[0]}`", node.span,
                      f"{len(required) - len(missing)} of {len(required)} given",
                      hint=f"{_whole(node, macro)} {' '.join(f'{n}={_likely(n, d)}' for n in missing)}",
                      notes=(f"it is declared as  {d.head}",) if isinstance(d, tree.Definition) else ())
    seen = {**macro.file.env, **env}
    for p in params:
        if p.name not in env and p.default is not None:
            seen[p.name] = env[p.name] = evaluate(p.default, Context(seen, {}, macro.file), flow)
    return env


def _whole(node: tree.Call, macro: Macro) -> str:
    """A call as it is written; of a variant the whole line, which is all that can be pasted."""
    return tree.source_text(node) if node.name == macro.name else node.span.source.line(node.span.line).partition("#")[0].strip()


def _likely(parameter: str, d: Any) -> str:
    """A value that a parameter can have: a word where the body calls it, 1 elsewhere."""
    called = isinstance(d, tree.Definition) and any(isinstance(n, tree.Call) and n.name == parameter for n in tree.walk(d.body))
    return "relu" if called else "1"


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


def _passed(g: Given, name: str, node: tree.Call, macro: Macro) -> Any:
    if isinstance(g.value, Incoming):
        raise Mistake("wrong-argument", "`in` is the flow, which a block has anyway", g.span)
    if isinstance(g.value, Symbol) and g.name is not None and not is_known(g.value.name) and g.value.name not in CONSTANTS:
        raise Mistake("undefined-name", f"`{g.value.name}` is not defined here", g.span, f"it is to be `{name}` of {macro.name}",
                      hint=(lambda a: f"did you mean `{a}`?" if a
                            else Advice(f"define `{g.value.name}` above, as a block or a constant"))(near(g.value.name,
                                    [*macro.file.definitions, *known_words()])))
    return g.value


def input_lines(body: Any) -> list[tree.InputLine]:
    """The `input` lines of a net's body, in order."""
    statements = body.statements if isinstance(body, tree.Suite) else (body,)
    return [s for s in statements if isinstance(s, tree.InputLine)]


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
                          hint=f"{tree.source_text(node)} {names[k]}=@{next(iter(e.inputs), 'input')}")
    return [v for v in values if v is not None]


def weight_file(e: Elaborator, named: tuple[str | None, Span, str | None]) -> str | None:
    """The path of a weights file as the runtime opens it: below the folder of the spec that names it. A file that is not
    there is only a note: shapes and counts need none."""
    name, span, folder = named
    if name is None or e.initialise:
        return None
    try:
        path = placed(name, folder)
    except Outside as o:
        raise Mistake("file-outside", "weights lie in the folder of the spec that names them, or below it", span, str(o.strerror),
                      hint="--set weights=none  initialises instead") from None
    except OSError as o:
        raise Mistake("missing-file", f"there is no weights file {name}", span, str(o.strerror)) from None
    if (sort := irregular(path)) is not None:
        raise Mistake("not-a-file", f"the weights {name} are {sort}", span, "not a file",
                      hint="--set weights=none  initialises instead")
    if not path.is_file():
        e.say("note", "missing-weights", f"the weights file {name} is not there", span, "needed to compile",
              hint="--set weights=none  initialises instead")
    return str(path)
