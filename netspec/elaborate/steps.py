"""A step: a layer with what its switches add, a merge, a call, `reuse`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from types import NoneType
from typing import Any

from ..diagnostics import Advice, Diagnostic, Label
from ..ir.types import TensorType, shape_text
from ..layers import LAYERS
from ..limits import CALLED
from ..source import Span
from ..syntax import tree
from . import bind as binding
from . import merging
from .bind import Bound, bind
from .blame import blamed, named
from .calls import use
from .elaborator import Elaborator
from .files import UNKNOWN, Context
from .lookup import Arguments, arguments, flow_of, macro_torn, no_flow, resolve
from .mending import likely, mended
from .remarks import remark
from .scopes import Scope, reference_to
from .stated import stated
from .values import NOTHING, UNKNOWN_VALUE, Fatal, Flow, Macro, Mistake, Silent, Symbol


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
        if m.meant is not None:
            return _as_meant(e, node, m.meant, flow, scope, c, label)
    except Silent:
        pass
    return _lost(node, flow, scope, label)


def _lost(node: tree.Call, flow: Flow | None, scope: Scope, label: str | None) -> Flow:
    """After a step that makes no sense: a value of which little is known."""
    out = flow.unsure() if flow is not None else NOTHING
    if node.name not in LAYERS:  # a block may do anything to the number of axes
        out = replace(out, ranked=False)
    if label is not None and label not in scope.kids:
        scope.claim(label, node.span).value = out
    return out


def _as_meant(e: Elaborator, node: tree.Call, meant: str, flow: Flow | None, scope: Scope, c: Context, label: str | None) -> Flow:
    """What a misspelt step would have made, for the lines below it. What is wrong with it besides is not said."""
    from .ends import misspelt_input

    if any(name == meant for name, _, _ in e.calls):  # a guess that would go round in a circle
        return _lost(node, flow, scope, label)
    e.muted += 1
    try:
        if flow is None:
            return misspelt_input(e, node, scope, c) if meant == "input" else NOTHING
        return _call(e, replace(node, name=meant), flow.doubted(), scope, c, label)
    except Fatal:
        raise
    except (Mistake, Silent):
        return _lost(node, flow, scope, label)
    finally:
        e.muted -= 1


def _call(e: Elaborator, node: tree.Call, flow: Flow | None, scope: Scope, c: Context, label: str | None) -> Flow:
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
        if target is UNKNOWN or macro_torn(target) or node.span.line in c.file.module.doubted:
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
        return merging.by_reference(e, node, target, args, flow, scope, c, label)
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


# ---------------------------------------------------------------- a layer


def layer(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, flow: Flow | None, scope: Scope, c: Context,
          label: str | None) -> Flow:
    """A layer and what its switches add: `conv3`, `conv3.bn`, `conv3.relu`."""
    if flow is None:
        raise no_flow(node)
    try:
        said = stated(cls, args.options)
        made, bound = _bound(e, cls, node.span, args, c.defaults.get(cls.name), c.env)
    except (Mistake, Silent) as m:
        if isinstance(m, Mistake):
            _explained(m, flow)
            e.report(blamed(m.diagnostic, node, c))
        return _doubtful(e, node, cls, args, m, flow, scope, c, label)
    inputs = [flow, *(flow_of(r) for r in bound.refs)]
    span = node.span
    place = _place(node, cls, scope, c, label)
    least, most = cls.arity
    if len(inputs) < least or (most is not None and len(inputs) > most):
        place.value = flow.unsure()
        raise Mistake("wrong-argument", f"{cls.name} reads {least} values, and {len(inputs)} came", span,
                      notes=(binding.usage(cls),))
    e.stated = said
    try:
        out = e.add(place.path, made, inputs, span, scope.path)
    except (Mistake, Silent) as m:
        if isinstance(m, Mistake):
            e.report(_with_flow(m.diagnostic, scope, flow))
        out = guess(made, inputs)
        if isinstance(m, Mistake) and m.diagnostic.code == "wrong-rank" and len(inputs[0].type.shape) == 1:
            out = replace(out, ranked=False)  # the next step would say the same
    place.raw = out
    for word in (bound.norm, bound.activation):
        if word is not None and word != "linear":
            out = _added(e, word, place, out, span, c)
    e.stated = None
    e.done(place, out)
    if out.sure:
        remark(e, made, inputs, span)
    return out


def _place(node: tree.Call, cls: Any, scope: Scope, c: Context, label: str | None) -> Scope:
    """The name of a step."""
    if label is None:
        place = scope.numbered(cls.name, node.span)
    else:
        place = scope.claim(label, node.span)
        scope.count(cls.name)
    place.replay = (node, c)
    return place


def _doubtful(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, m: Exception, flow: Flow, scope: Scope, c: Context,
              label: str | None) -> Flow:
    """A step of whose arguments some are wrong or not known, as far as the others go."""
    place = _place(node, cls, scope, c, label)
    out = flow.unsure()
    bound = mended(e, cls, node, args, m, c)
    if bound is not None:
        inputs = [flow, *(r.value for r in bound.refs if r.value is not None)]
        out = likely(e, cls, bound, inputs, node.span, scope.path)
        place.raw = out
        for word in (bound.norm, bound.activation):
            if word is not None and word != "linear":
                out = _added(e, word, place, out, node.span, c)
    e.done(place, out)
    return out


def _bound(e: Elaborator, cls: Any, span: Span, args: Arguments, default: Bound | None,
           env: Collection[str]) -> tuple[Any, Bound]:
    """`bind`, once for every way a step is written: what it gives, where all goes well, depends on nothing else."""
    key = _written(cls, args, default)
    found = e.bound_steps.get(key) if key is not None else None
    if found is None:
        found = bind(cls, span, args.given, args.options, args.stride, default, env)
        if key is not None:
            e.bound_steps[key] = found
    return found


def _written(cls: Any, args: Arguments, default: Bound | None) -> tuple[Any, ...] | None:
    """A step whose arguments are whole numbers and words, as a key; None for others (1.0 and True are equal to 1, and
    mean something else)."""
    key: list[Any] = [cls, default, args.stride and args.stride.value]
    if key[2].__class__ not in (int, NoneType):
        return None
    given = [("", g) for g in args.given]
    for name, g in [*given, *args.options.items()] if args.options else given:
        v = g.value
        if v.__class__ is Symbol:
            v = v.name, g.name
        elif v.__class__ is not int and not (v.__class__ is tuple and all(n.__class__ is int for n in v)):
            return None
        key.append((name, v))
    return tuple(key)


def _added(e: Elaborator, word: str, place: Scope, flow: Flow, span: Span, c: Context) -> Flow:
    made, _ = _bound(e, LAYERS[word], span, Arguments(), c.defaults.get(word), ())
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


def _with_flow(d: Diagnostic, scope: Scope, flow: Flow) -> Diagnostic:
    """A layer's hint may speak of `@flow`: the name that the flow has on this line, if it has one."""
    if d.hint is None or "@flow" not in d.hint:
        return d
    name = reference_to(scope, flow)
    return replace(d, hint=d.hint.replace("@flow", name)) if name else replace(d, hint=None,
                                                                               notes=(*d.notes,
                                                                                      f"with a label on the flow:  {d.hint}"))


def guess(made: Any, inputs: list[Flow]) -> Flow:
    """What is known of a result after a mistake: the layer's own word on inputs of unknown size."""
    blank = [TensorType((None,) * len(f.type.shape), f.type.batch) for f in inputs]
    first = inputs[0].unsure()
    if getattr(made, "groups", 1) != 1:  # groups that do not divide have no say in the shape
        made, blank = replace(made, groups=1), [f.type for f in inputs]
    try:
        shape = made.shape(*blank)
        most = first.most if first.most is not None and len(first.most) == len(shape.shape) else None
        return Flow("", shape, False, (), most, all(f.ranked for f in inputs))
    except Exception:  # whatever a rule makes of nothing
        return _whatever(made, inputs)


def _whatever(made: Any, inputs: list[Flow]) -> Flow:
    """What a layer that needs sizes makes of any: `fc 10` gives 10."""
    shapes = []
    for n in (5040, 10080):
        try:
            shapes.append(made.shape(*(TensorType(tuple(n if s is None else s for s in f.type.shape), f.type.batch)
                                       for f in inputs)))
        except Exception:  # nothing is known then
            return inputs[0].unsure()
    a, b = shapes
    if len(a.shape) != len(b.shape):
        return inputs[0].unsure()
    return Flow("", TensorType(tuple(p if p == q else None for p, q in zip(a.shape, b.shape)), a.batch), False, (), None,
                all(f.ranked for f in inputs))


# ---------------------------------------------------------------- reuse


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
    if len(e.shared) >= CALLED or any(there == original.path for _, there in e.shared):
        raise Mistake("endless-recursion", f"@{original.path} is run again inside itself", node.span, "it holds this very line",
                      hint=Advice("reuse it after its last line"))
    from . import statements

    body, c = original.replay
    name = label or scope.numbered("reuse", node.span).name
    scope.kids.pop(name, None) if label is None else None
    place_path = f"{scope.path}.{name}" if scope.path else name
    e.shared.append((place_path, original.path))
    before = len(e.found)
    try:
        return statements.labelled_body(e, name, body, flow, scope, c, node.span)
    finally:
        e.shared.pop()
        known = {(d.code, d.title, d.span) for d in e.found[:before]}
        for k, d in reversed(list(enumerate(e.found[before:], before))):
            if (d.code, d.title, d.span) in known:  # the original has it already
                del e.found[k], e.depths[k - len(e.found) - 1]
            elif d.severity == "error" and d.span is not None and d.span != node.span:
                e.found[k] = replace(d, labels=(Label(node.span, d.labels[0].text), Label(d.span, "what is run again"),
                                                *d.labels[1:]))
