"""A step: a layer with what its switches add, a merge, a call of a block or net, `reuse`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from ...diagnostics import Label, near
from ...ir.types import TensorType, shape_text
from ...layers import LAYERS
from ...source import Span
from ...syntax import tree
from .. import bind as binding
from ..bind import Bound, Given, bind
from . import merging
from .elaborator import DEPTH, Elaborator, Stop
from .expressions import CONSTANTS, evaluate, undefined
from .files import STRUCTURAL, UNKNOWN, Context, known_words
from .remarks import remark
from .scopes import Scope, below, find
from .values import NOTHING, UNKNOWN_VALUE, Fatal, Flow, Incoming, Macro, Mistake, Silent, Symbol, described


class Arguments:
    """A call's arguments, evaluated."""

    __slots__ = ("given", "options", "stride", "upto")

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.options: dict[str, Given] = {}
        self.stride: Given | None = None
        self.upto: tree.Upto | None = None


def call(e: Elaborator, node: tree.Call, flow: Flow | None, scope: Scope, c: Context, label: str | None = None) -> Flow:
    """Run one step; `label` takes the place of its name. After a mistake, what is still known of the result."""
    e.tick(node.span)
    e.ends_with_output = False
    try:
        out = _call(e, node, flow, scope, c, label)
        return out if node.span.line not in c.file.module.doubted else out.unsure()
    except Fatal:
        raise
    except Mistake as m:
        e.report(m.diagnostic)
    except Silent:
        pass
    if label is not None and label not in scope.kids:
        scope.claim(label, node.span).value = NOTHING
    return flow.unsure() if flow is not None else NOTHING


def _call(e: Elaborator, node: tree.Call, flow: Flow | None, scope: Scope, c: Context, label: str | None) -> Flow:
    name, target = resolve(node, c)
    if isinstance(target, Macro):
        if target is UNKNOWN or macro_torn(target):
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
            raise _no_flow(node)
        if name == "expect":
            return _expect(node, args, flow)
        if args.given or args.options or args.stride:
            raise Mistake("too-many-arguments", "skip takes no arguments: it is the flow as it is", node.span)
        if label is not None:
            e.done(scope.claim(label, node.span), flow)
        return flow
    args = arguments(e, node, flow, scope, c)
    if args.upto:
        raise Mistake("wrong-argument", f"`upto` stops a called net, and {name} is a layer", args.upto.span)
    if target.category == "merge":
        return merging.by_reference(e, node, target, args, flow, scope, c, label)
    return layer(e, node, target, args, flow, scope, c, label)


def _no_flow(node: tree.Call) -> Mistake:
    return Mistake("no-flow", "there is no flow yet for this step to read", node.span, "nothing stands above it", hint="begin the net with  input 3x224x224")


def _expect(node: tree.Call, args: Arguments, flow: Flow) -> Flow:
    """`expect 64x56x56`: a statement about the flow that is checked."""
    want = args.given[0].value if len(args.given) == 1 and not args.options else None
    want = (want,) if isinstance(want, int) else want
    if not isinstance(want, tuple):
        raise Mistake("wrong-argument", "expect takes one shape", node.span, hint="expect 64x56x56")
    if flow.sure and (len(want) != len(flow.type.shape) or any(a != b for a, b in zip(want, flow.type.shape) if a is not None)):
        raise Mistake("shape-mismatch", "the flow has another shape than expected", node.span, f"it is {shape_text(flow.type.shape)}, not {shape_text(want)}")
    return flow


def macro_torn(macro: Macro) -> bool:
    """Whether the head of a definition could not be read, so that its calls cannot be judged."""
    return macro.name in macro.file.module.torn


# ---------------------------------------------------------------- what a name means


def resolve(node: tree.Call, c: Context) -> tuple[str, Any]:
    """A block, a layer class, or None for the steps that are structure."""
    name = node.name
    held = c.env.get(name)
    if held is UNKNOWN_VALUE:
        return name, UNKNOWN
    if held is not None:
        if isinstance(held, Macro):
            return name, held
        if isinstance(held, Symbol):
            name = held.name
    macro = c.file.definitions.get(name)
    if macro is not None:
        c.file.used.add(name)
        return name, macro
    cls = LAYERS.get(name)
    if cls is not None:
        return name, cls
    if name in STRUCTURAL:
        return name, None
    if held is not None and not isinstance(held, Symbol):
        raise Mistake("wrong-word", f"`{name}` is {described(held)}, not a layer or block", node.name_span, "only a layer or block can be a step")
    raise unknown(name, node.name_span, c, LAYERS, via=node.name if isinstance(held, Symbol) else None)


def unknown(name: str, span: Span, c: Context, layers: Any, via: str | None = None) -> Mistake:
    """A word nobody knows."""
    alias = binding.ALIASES.get(name.lower())
    blocks = list(c.file.definitions)
    alike = near(name, [*layers, *blocks, *STRUCTURAL, *(k for k, v in c.env.items() if isinstance(v, (Macro, Symbol)))])
    head = near(name, ("residual", "dense", "each", "frozen", "repeat", "output", "input"))
    if name.lower() == "flatten" and name not in layers:
        hint: str | None = "fc flattens by itself; drop this line"
    elif name.lower() in layers:
        hint = f"did you mean `{name.lower()}`?"
    elif alias and (alias.split()[0] in layers or alias in STRUCTURAL):
        hint = f"in .net this is called `{alias}`"
    elif alike:
        hint = f"did you mean `{alike}`?"
    elif head:
        hint = f"did you mean `{head}:`?"
    else:
        hint = f"define it:  block {name}(...):"
    label = "not a layer, not a block of this file" if via is None else f"`{via}` is `{name}` here, which is not a layer and not a block"
    return Mistake("unknown-word", f"I know no layer or block called `{name}`", span, label, hint=hint)


# ---------------------------------------------------------------- arguments


def arguments(e: Elaborator, node: tree.Call, flow: Flow | None, scope: Scope, c: Context) -> Arguments:
    """Evaluate a call's arguments."""
    out = Arguments()
    for a in node.arguments:
        kind = a.__class__
        if kind is tree.Option:
            if a.name in out.options:
                raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time", peers=(Label(out.options[a.name].span, "the first"),))
            out.options[a.name] = _given(e, a.value, a.span, flow, scope, c)
        elif kind is tree.Stride:
            if out.stride is not None:
                raise Mistake("duplicate-option", "the stride is given twice", a.span, "the second time")
            v = evaluate(a.value, c, flow)
            out.stride = Given(v, a.span)
            if isinstance(v, Symbol):
                raise undefined(a.value, c)
        elif kind is tree.Upto:
            if out.upto is not None:
                raise Mistake("duplicate-option", "`upto` is given twice", a.span, "the second time")
            out.upto = a
        else:
            out.given.append(_given(e, a, a.span, flow, scope, c))
    return out


def _given(e: Elaborator, a: Any, span: Span, flow: Flow | None, scope: Scope, c: Context) -> Given:
    if a.__class__ is tree.Reference:
        return Given(reference(e, a, flow, scope, c), span)
    v = evaluate(a, c, flow)
    return Given(v, span, a.name if a.__class__ is tree.Name and a.name not in c.env else None)


def reference(e: Elaborator, ref: tree.Reference, flow: Flow | None, scope: Scope, c: Context) -> Scope:
    """The place a reference means."""
    parts = [spot_name(s.name, s.index, c, flow) for s in ref.spots]
    found = find(scope, parts, ref.span, c.env, e.maybe)
    if found.value is not None and found.value.sure:
        e.read.add(found.value.value)
    return found


def spot_name(name: str, index: Any, c: Context, flow: Flow | None) -> str:
    """`stage[i]` spells stage3."""
    if index is None:
        return name
    v = evaluate(index, c, flow)
    if isinstance(v, Symbol):
        raise undefined(index, c)
    if v is UNKNOWN_VALUE:
        raise Silent
    if not isinstance(v, int) or isinstance(v, bool) or v < 0:
        raise Mistake("bad-index", "a name is numbered with a whole number", index.span, f"this is {described(v)}")
    return f"{name}{v}"


# ---------------------------------------------------------------- a layer


def layer(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, flow: Flow | None, scope: Scope, c: Context, label: str | None) -> Flow:
    """A layer and what its switches add: `conv3`, `conv3.bn`, `conv3.relu`."""
    if flow is None:
        raise _no_flow(node)
    try:
        made, bound = bind(cls, node.span, args.given, args.options, args.stride, c.defaults.get(cls.name), c.env)
    except Mistake as m:
        _explained(m, flow)
        raise
    inputs = [flow, *(_flow_of(r) for r in bound.refs)]
    span = node.span
    if label is None:
        place = scope.numbered(cls.name, span)
    else:
        place = scope.claim(label, span)
        scope.count(cls.name)
    place.replay = (node, c)
    least, most = cls.arity
    if len(inputs) < least or (most is not None and len(inputs) > most):
        place.value = flow.unsure()
        raise Mistake("wrong-argument", f"{cls.name} reads {least} values, and {len(inputs)} came", span, hint=binding.usage(cls))
    try:
        out = e.add(place.path, made, inputs, span, scope.path)
    except (Mistake, Silent) as m:
        if isinstance(m, Mistake):
            e.report(m.diagnostic)
        out = guess(made, inputs)
    place.raw = out
    for word in (bound.norm, bound.activation):
        if word is not None and word != "linear":
            out = _added(e, word, place, out, span, c)
    e.done(place, out)
    if out.sure:
        remark(e, made, place, inputs, span)
    return out


def _flow_of(place: Scope) -> Flow:
    if place.value is None:
        raise Silent
    return place.value


_PLAIN: dict[str, Any] = {}  # layers with nothing but their own defaults


def _added(e: Elaborator, word: str, place: Scope, flow: Flow, span: Span, c: Context) -> Flow:
    default = c.defaults.get(word)
    made = _PLAIN.get(word) if default is None else None
    if made is None:
        made, _ = bind(LAYERS[word], span, [], {}, None, default)
        if default is None:
            _PLAIN[word] = made
    kid = place.kids[word] = Scope(word, place, span)
    parent = place.parent.path if place.parent is not None else ""
    try:
        kid.value = e.add(kid.path, made, [flow], span, parent)
    except Mistake as m:
        e.report(m.diagnostic)
        kid.value = guess(made, [flow])
    except Silent:
        kid.value = guess(made, [flow])
    return kid.value


def _explained(m: Mistake, flow: Flow) -> None:
    """What came in, where the message does not say it."""
    d = m.diagnostic
    if d.code == "not-whole" and flow.sure and flow.type.channels is not None:
        m.diagnostic = replace(d, notes=(f"{flow.type.channels} channels come in", *d.notes))


def guess(made: Any, inputs: list[Flow]) -> Flow:
    """What is known of a result after a mistake: the layer's own word on inputs of unknown size."""
    blank = [TensorType((None,) * len(f.type.shape), f.type.batch) for f in inputs]
    first = inputs[0].unsure()
    try:
        shape = made.shape(*blank)
        most = first.most if first.most is not None and len(first.most) == len(shape.shape) else None
        return Flow("", shape, False, (), most, all(f.ranked for f in inputs))
    except Exception:  # whatever a rule makes of nothing, nothing is known then
        return inputs[0].unsure()


# ---------------------------------------------------------------- reuse


def reuse(e: Elaborator, node: tree.Call, args: Arguments, flow: Flow | None, scope: Scope, label: str | None) -> Flow:
    """Run the steps of a label again with the same weights."""
    if len(args.given) != 1 or not isinstance(args.given[0].value, Scope) or args.options or args.stride:
        raise Mistake("wrong-argument", "reuse takes one node", node.span, hint="reuse @a  runs the steps labelled  a: ...  again")
    if flow is None:
        raise _no_flow(node)
    original: Scope = args.given[0].value
    if original.replay is None:
        raise Mistake("wrong-argument", f"@{original.path} is no step that could run again", args.given[0].span, "it is not a labelled step or suite")
    if len(e.shared) >= DEPTH or any(there == original.path for _, there in e.shared):
        raise Mistake("endless-recursion", f"@{original.path} is run again inside itself", node.span, "it holds this very line", hint="reuse it after its last line")
    from . import statements

    body, c = original.replay
    name = label or scope.numbered("reuse", node.span).name
    scope.kids.pop(name, None) if label is None else None
    place_path = f"{scope.path}.{name}" if scope.path else name
    e.shared.append((place_path, original.path))
    try:
        return statements.labelled_body(e, name, body, flow, scope, c, node.span)
    finally:
        e.shared.pop()


# ---------------------------------------------------------------- a block or net


def use(e: Elaborator, node: tree.Call, macro: Macro, args: Arguments, flow: Flow | None, scope: Scope, c: Context, label: str | None,
        bound_inputs: list[Flow] | None = None) -> Flow:
    """Call a block or net: its parameters bound, its body run in a scope of its own."""
    span = node.span
    if len(e.calls) >= DEPTH:
        name = macro.name
        e.forget(name)
        again = any(n == name for n, _, _ in e.calls)
        raise e.fatal("endless-recursion", f"`{name}` calls itself without end" if again else f"blocks are called more than {DEPTH} levels deep", span, f"{DEPTH} levels deep",
                      "guard the inner call with  if depth > 0:")
    definition, env, named, inner = open_macro(macro, args, node, c, flow)
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
        raise _no_flow(node)
    else:
        flow_in = None
    inside = Context(env, inner.places.get(definition.name, inner.defaults), inner)
    return _enter(e, node, macro, definition, inside, flow if flow_in is None else None, flow_in, place, args.upto, weights, span)


def _enter(e: Elaborator, node: tree.Call, macro: Macro, definition: tree.Definition, inside: Context, flow: Flow | None, inputs: list[Flow] | None,
           place: Scope, upto: tree.Upto | None, weights: Any, span: Span) -> Flow:
    from . import statements

    outer_stop, outer_binding, outer_nets = e.stop, e.binding, e.nets
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
        e.stop, e.binding, e.nets, e.call_spans = outer_stop, outer_binding, outer_nets, spans
        e.calls.pop()
        if weights is not None:
            e.weights.pop()
    if upto is not None and not stopped and out.sure:
        last = upto.path.rsplit(".", 1)[-1]
        names = [*place.kids]
        alike = near(upto.path.split(".")[0], names)
        deep = below(place, last)
        raise Mistake("missing-reference", f"`{macro.name}` has no node `{upto.path}`", upto.span, "not in this net",
                      notes=(f"in it are: {', '.join(names[:12])}",), hint=f"did you mean `{deep[0]}`?" if deep else f"did you mean `{alike}`?" if alike else None)
    e.ends_with_output = False
    return e.done(place, out)


def open_macro(macro: Macro, args: Arguments, node: tree.Call, c: Context, flow: Flow | None) -> tuple[tree.Definition, dict[str, Any], Any, Any]:
    """A variant leads to its net: the definition at the end, its parameters bound, the weights file if one is named."""
    seen = []
    weights = None
    while isinstance(macro.item, tree.Variant):
        v = macro.item
        if macro in seen:
            raise Mistake("endless-recursion", f"the variant `{v.name}` is defined by itself", v.name_span)
        seen.append(macro)
        own = {p.name for p in v.params}
        env = {**macro.file.env, **_parameters(macro, v.params, _only(args, own, v.params), node, flow)} if v.params else macro.file.env
        inner = Context(env, {}, macro.file)
        held = inner.file.definitions.get(v.call.name)
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
                below_args.options[a.name] = Given(evaluate(a.value, inner, flow), a.span, a.value.name if isinstance(a.value, tree.Name) and a.value.name not in env else None)
            elif isinstance(a, tree.Reference):
                raise Mistake("wrong-argument", "a variant has no nodes to refer to", a.span)
            else:
                below_args.given.append(Given(evaluate(a, inner, flow), a.span, a.name if isinstance(a, tree.Name) and a.name not in env else None))
        if args.given and not v.params:
            raise Mistake("too-many-arguments", f"`{v.name}` takes no positional arguments", args.given[0].span, "it stands for  " + tree.source_text(v.call),
                          hint="its parameters can be set by name")
        below_args.options.update({k: g for k, g in args.options.items() if k not in own})
        below_args.upto = args.upto
        below_args.stride = args.stride or below_args.stride
        args.given, args.options, args.stride = below_args.given, below_args.options, below_args.stride
        macro = held
    d = macro.item
    if "weights" in args.options and "weights" not in {p.name for p in d.params}:
        g = args.options.pop("weights")
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


def _parameters(macro: Macro, params: tuple[tree.Param, ...], args: Arguments, node: tree.Call, flow: Flow | None) -> dict[str, Any]:
    """Parameter values of one call. Options that name no parameter but a node are left for the inputs."""
    d = macro.item
    names = [p.name for p in params]
    env: dict[str, Any] = {}
    what = f"{'net' if isinstance(d, tree.Variant) else d.kind}"
    given = args.given
    extra = given[len(names) :]
    if extra and not (all(isinstance(g.value, Scope) for g in extra) and not isinstance(d, tree.Variant)):
        bad = next(g for g in extra if not isinstance(g.value, Scope))
        raise Mistake("too-many-arguments", f"`{macro.name}` takes {len(names) or 'no'} argument{'' if len(names) == 1 else 's'}", bad.span, "this is one more",
                      notes=(f"it is declared as  {d.head}",) if isinstance(d, tree.Definition) else ())
    for name, g in zip(names, given):
        env[name] = _passed(g, name, node, macro)
    for key, g in args.options.items():
        if key in names:
            if key in env:
                raise Mistake("duplicate-option", f"`{key}` is given twice", g.span, "it was given by position already")
            env[key] = _passed(g, key, node, macro)
        elif not (isinstance(g.value, Scope) and isinstance(d, tree.Definition) and any(s.name == key for s in input_lines(d.body))):
            alike = near(key, names)
            raise Mistake("unknown-option", f"`{macro.name}` has no parameter called `{key}`", node.span, "",
                          notes=(f"its parameters: {', '.join(names)}" if names else f"this {what} has no parameters",), hint=f"did you mean `{alike}`?" if alike else None)
    if args.stride is not None:
        if "stride" not in names:
            raise Mistake("wrong-argument", f"`{macro.name}` has no parameter called stride, which `/` sets", args.stride.span,
                          notes=(f"its parameters: {', '.join(names)}" if names else f"this {what} has no parameters",))
        if "stride" in env:
            raise Mistake("duplicate-option", "the stride is given twice", args.stride.span, "it was given before")
        env["stride"] = args.stride.value
    missing = [p.name for p in params if p.name not in env and p.default is None]
    if missing:
        required = [p.name for p in params if p.default is None]
        raise Mistake("missing-argument", f"`{macro.name}` needs a value for `{missing[0]}`", node.span, f"{len(required) - len(missing)} of {len(required)} given",
                      notes=(f"it is declared as  {d.head}",) if isinstance(d, tree.Definition) else ())
    base = {**macro.file.env}
    for p in params:
        if p.name not in env and p.default is not None:
            env[p.name] = evaluate(p.default, Context({**base, **env}, {}, macro.file), flow)
    return env


def _passed(g: Given, name: str, node: tree.Call, macro: Macro) -> Any:
    if isinstance(g.value, Incoming):
        raise Mistake("wrong-argument", "`in` is the flow, which a block has anyway", g.span)
    if isinstance(g.value, Symbol) and g.name is not None and g.value.name not in known_words() and g.value.name not in CONSTANTS:
        raise Mistake("undefined-name", f"`{g.value.name}` is not defined here", g.span, f"it is to be `{name}` of {macro.name}",
                      hint=(lambda a: f"did you mean `{a}`?" if a else None)(near(g.value.name, [*macro.file.definitions, *known_words()])))
    return g.value


def input_lines(body: Any) -> list[tree.InputLine]:
    """The `input` lines of a net's body, in order."""
    statements = body.statements if isinstance(body, tree.Suite) else (body,)
    return [s for s in statements if isinstance(s, tree.InputLine)]


def _bind_inputs(e: Elaborator, node: tree.Call, macro: Macro, lines: list[tree.InputLine], args: Arguments, flow: Flow | None,
                 given: list[Flow] | None, env: dict[str, Any]) -> list[Flow]:
    """Values for the `input` lines of a called net: the flow first, further ones by name or in order."""
    if not lines:
        raise Mistake("no-flow", f"the net `{macro.name}` has no input", node.span, hint="a net begins with  input 3x224x224")
    values: list[Flow | None] = list(given) if given else [flow]
    if values[0] is None:
        raise _no_flow(node)
    params = [p.name for p in macro.item.params]
    extra = [g for g in args.given[len(params) :] if isinstance(g.value, Scope)] if isinstance(macro.item, tree.Definition) else []
    values += [_flow_of(g.value) for g in extra]
    values += [None] * (len(lines) - len(values))
    names = [s.name or "input" for s in lines]
    if len(values) > len(lines):
        raise Mistake("too-many-arguments", f"`{macro.name}` has {len(lines)} input{'s' if len(lines) > 1 else ''}, and {len(values)} values came", node.span)
    for key, g in args.options.items():
        if isinstance(g.value, Scope) and key in names and key not in env:
            values[names.index(key)] = _flow_of(g.value)
    for k, v in enumerate(values):
        if v is None:
            raise Mistake("missing-argument", f"the net `{macro.name}` needs a value for its input `{names[k]}`", node.span, "the flow is its first input",
                          hint=f"{tree.source_text(node)} {names[k]}=@NODE")
    return [v for v in values if v is not None]


def weight_file(e: Elaborator, named: tuple[str | None, Span, str | None]) -> str | None:
    """The path of a weights file as the runtime opens it: beside the spec that names it. A file that is not there is
    only a note: shapes and counts need none."""
    name, span, folder = named
    if name is None or e.initialise:
        return None
    path = os.path.join(folder, name) if folder and not os.path.isabs(name) else name
    if not os.path.isfile(path):
        e.say("note", "missing-weights", f"the weights file {name} is not there", span, "needed to compile", hint="--set weights=none  initialises instead")
    return path


__all__ = ["Arguments", "Bound", "TensorType", "arguments", "call", "layer", "reference", "resolve", "spot_name", "use", "weight_file"]
