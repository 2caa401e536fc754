"""A layer with what its switches add: `conv3`, `conv3.bn`, `conv3.relu`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from types import NoneType
from typing import Any

from ...diagnostics import Diagnostic
from ...layers import LAYERS
from ...source import Span
from ...syntax import tree
from ..binding.arguments import Arguments, flow_of
from ..binding.bind import Bound, bind, usage
from ..binding.parameter_options import ParameterOptions, parameter_options
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.origins import blamed
from ..model.scopes import Scope, reference_to
from ..model.values import Flow, Symbol
from .labels import no_flow
from .layer_warnings import remark
from .recovery import guess, likely, mended


def layer(e: Elaborator, node: tree.Call, cls: Any, args: Arguments, flow: Flow | None, scope: Scope, c: Context,
          label: str | None) -> Flow:
    """A layer and what its switches add: `conv3`, `conv3.bn`, `conv3.relu`."""
    if flow is None:
        raise no_flow(node)
    try:
        said, default = parameter_options(cls, args.options), c.defaults.get(cls.name)
        if default is not None and default.learned is not None:
            said = default.learned if said is None else said.over(default.learned)
        made, bound = _bound(e, cls, node.span, args, default, c.env)
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
                      notes=(usage(cls),))
    try:
        out = e.add(place.path, made, inputs, span, scope.path, said)
    except (Mistake, Silent) as m:
        if isinstance(m, Mistake):
            e.report(_with_flow(m.diagnostic, scope, flow))
        out = guess(made, inputs)
        if isinstance(m, Mistake) and m.diagnostic.code == "wrong-rank" and len(inputs[0].type.shape) == 1:
            out = replace(out, ranked=False)  # the next step would say the same
    place.raw = out
    for word in (bound.norm, bound.activation):
        if word is not None and word != "linear":
            out = _added(e, word, place, out, span, c, said)
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
                out = _added(e, word, place, out, node.span, c, None)
    e.done(place, out)
    return out


def _bound(e: Elaborator, cls: Any, span: Span, args: Arguments, default: Bound | None,
           env: Collection[str]) -> tuple[Any, Bound]:
    """`bind`, once for every way a step is written: what it gives, where all goes well, depends on nothing else."""
    key = _written(cls, args, default)
    found = e.known.steps.get(key) if key is not None else None
    if found is None:
        found = bind(cls, span, args.given, args.options, args.stride, default, env)
        if key is not None:
            e.known.steps[key] = found
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


def _added(e: Elaborator, word: str, place: Scope, flow: Flow, span: Span, c: Context, said: ParameterOptions | None) -> Flow:
    """A normalisation or an activation that stands on a step as a switch."""
    default = c.defaults.get(word)
    made, _ = _bound(e, LAYERS[word], span, Arguments(), default, ())
    if default is not None and default.learned is not None:
        said = default.learned if said is None else said.over(default.learned)
    kid = place.kids[word] = Scope(word, place, span)
    parent = place.parent.path if place.parent is not None else ""
    try:
        kid.value = e.add(kid.path, made, [flow], span, parent, said)
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
    return (replace(d, hint=d.hint.replace("@flow", name)) if name
            else replace(d, hint=None, notes=(*d.notes, f"with a label on the flow:  {d.hint}")))
