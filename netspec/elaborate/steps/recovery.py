"""A step with mistakes in its arguments, as far as it can still be read: what is wrong elsewhere on its line, and the shape
of its result where no mistake has a say in it.

A value that was refused, or that nobody knows, is stood for by two others, one after the other: sizes in which both
agree do not depend on it, and what is wrong with both is wrong whatever it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...diagnostics import Diagnostic, near
from ...ir.types import TensorType
from ...source import Span
from ...syntax import tree
from ...words import Argument, arguments
from ..binding.arguments import Arguments
from ..binding.bind import Bound, complete, gather
from ..binding.kinds import Given
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.origins import blamed
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow, Symbol

ROUNDS = 8  # mistakes looked for in one step
COUNTS = ("too-many-arguments", "missing-argument", "wrong-order")  # may follow from another mistake of the same step
STANDING: dict[str, tuple[Any, Any]] = {"count": (5040, 10080), "whole": (5040, 10080), "size": (1, 2), "pad": (0, 1),
                                        "number": (0.25, 0.5), "rate": (0.25, 0.5), "flag": (False, True)}


def mended(e: Elaborator, cls: Any, node: tree.Call, args: Arguments, m: Exception, c: Context) -> Bound | None:
    """The step without what is wrong in it; each further mistake is reported. None where it makes no sense at all."""
    span = node.span
    given, options, stride = [*args.given], {**args.options}, args.stride
    for _ in range(ROUNDS):
        if isinstance(m, Mistake):
            if m.diagnostic.code == "unknown-word":
                _put_right(cls, m.diagnostic, given)
            _take_out(m.diagnostic, given, options)
            if stride is not None and stride.span == m.diagnostic.span:
                stride = Given(UNKNOWN_VALUE, stride.span) if m.diagnostic.code in ("out-of-range", "not-whole") else None
        try:
            bound = gather(cls, span, given, options, stride, c.env)
        except Mistake as following:
            d = following.diagnostic
            if isinstance(m, Mistake) and d.span == m.diagnostic.span and d.code == m.diagnostic.code:
                return None
            if d.code not in COUNTS:
                e.report(blamed(d, node, c))
            m = following
            continue
        for a in complete(cls, bound, c.defaults.get(cls.name)):
            bound.fields[a.field] = UNKNOWN_VALUE
        return bound
    return None


def _put_right(cls: Any, d: Diagnostic, given: list[Given]) -> None:
    """Read a misspelt switch as the one that was meant: it may decide the shape."""
    words = {w for a in arguments(cls) for w in a.words}
    for k, g in enumerate(given):
        meant = near(g.value.name, words) if g.span == d.span and isinstance(g.value, Symbol) else None
        if meant:
            given[k] = Given(Symbol(meant), g.span._replace(end_column=g.span.column), g.name)


def _take_out(d: Diagnostic, given: list[Given], options: dict[str, Given]) -> None:
    """Make the argument that a mistake blames unknown, or take it out where it has no place at all."""
    if d.code == "wrong-order" and len(given) > 1:
        given[0], given[1] = given[1], given[0]
    for k, g in enumerate(given):
        if g.span == d.span:
            written = g.span.source.line(g.span.line)[g.span.column - 1 : g.span.column] != "@"  # else it has no place here
            placed = (not isinstance(g.value, Symbol) and (written or not isinstance(g.value, Scope))
                      and g.value is not UNKNOWN_VALUE)
            stays = d.code == "undefined-name" or (d.code != "too-many-arguments" and placed)
            given[k : k + 1] = [Given(UNKNOWN_VALUE, g.span)] if stays else []
            return
    for key, g in list(options.items()):
        if g.span == d.span:
            if d.code in ("unknown-option", "contradiction") or g.value is UNKNOWN_VALUE:
                del options[key]
            else:
                options[key] = Given(UNKNOWN_VALUE, g.span)
            return


def likely(e: Elaborator, cls: Any, bound: Bound, inputs: list[Flow], span: Span, scope: str) -> Flow:
    """What the step makes, as far as it does not depend on values that are not known."""
    flows = [f.doubted() for f in inputs]
    unknown = [a for a in arguments(cls) if bound.fields.get(a.field) is UNKNOWN_VALUE]
    outs: list[Flow] = []
    refusals: list[Diagnostic] = []
    for k in (0, 1):
        try:
            made = cls(**{**bound.fields, **{a.field: _standing(a, k) for a in unknown}})
            made.check()
            outs.append(e.add("", made, flows, span, scope))
        except Mistake as m:
            refusals.append(m.diagnostic)
        except Exception:  # whatever a layer makes of values that stand for others, nothing is known then
            return inputs[0].unsure()
    if len(refusals) == 2 and refusals[0] == refusals[1]:
        e.report(refusals[0])
        if refusals[0].code == "shape-mismatch" and len(inputs) == 1:  # a shape that was stated: nobody knows which was meant
            return replace(inputs[0].unsure(), ranked=False)
    if len(outs) < 2 or len(outs[0].type.shape) != len(outs[1].type.shape):
        return inputs[0].unsure()
    a, b = outs
    shape = tuple(p if p == q else None for p, q in zip(a.type.shape, b.type.shape))
    most = tuple(None if p is None or q is None else max(p, q)
                 for p, q in zip(a.most, b.most)) if a.most and b.most and len(a.most) == len(b.most) else None
    return Flow("", type(a.type)(shape, a.type.batch), False, (), most, a.ranked and b.ranked)


def _standing(a: Argument, k: int) -> Any:
    """One of two values that may stand for an argument nobody knows."""
    if a.name == "groups":
        return 1  # it has no say in the shape
    if a.kind == "word" and len(a.words) > 1:
        return a.words[k]
    if a.kind not in STANDING:
        raise Silent
    return STANDING[a.kind][k]


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
