"""What a constant or a `default` line changes for the lines below it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...diagnostics import Advice
from ...layers import LAYERS
from ...source import Span
from ...syntax import tree
from ...words import REQUIRED
from ...words import arguments as arguments_of
from ..binding.bind import Bound, gather
from ..binding.expressions import evaluate, undefined
from ..binding.kinds import Given
from ..binding.parameter_options import parameter_options
from ..binding.resolve import unknown
from ..model.elaborator import Elaborator
from ..model.files import Context, is_known
from ..model.mistakes import Fatal, Mistake, Silent
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow, Symbol, described


def context_after(e: Elaborator, s: Any, flow: Flow | None, c: Context) -> Context:
    """The context after a `default` or a constant."""
    if isinstance(s, tree.Constant):
        try:
            v = evaluate(s.value, c, flow)
        except (Silent, Mistake) as m:
            if isinstance(m, Fatal):
                raise
            if isinstance(m, Mistake):
                e.report(m.diagnostic)
            return c.bound(**{s.name: UNKNOWN_VALUE})
        if isinstance(v, Symbol) and isinstance(s.value, tree.Name) and not is_known(v.name):
            e.report(undefined(s.value, c).diagnostic)
            v = UNKNOWN_VALUE
        return c.bound(**{s.name: v})
    return c.with_default(s.kind, _default(s, flow, c))


def _default(s: tree.Default, flow: Flow | None, c: Context) -> Bound:
    """What a `default` line sets for its kind, added to what held before."""
    cls = LAYERS.get(s.kind)
    if cls is None:
        if s.kind in c.file.definitions:
            raise Mistake("wrong-word", f"`{s.kind}` is a block; its defaults stand in its own head", s.span,
                          hint=Advice(f"there  block {s.kind}(n, stride=1):  has one"))
        raise unknown(s.kind, s.span, c, LAYERS)
    given, options, stride = [], {}, None
    for a in s.arguments:
        if isinstance(a, tree.Option):
            if isinstance(a.value, tree.Reference):
                raise Mistake("wrong-argument", "a default cannot refer to a node", a.span)
            if a.name in options:
                raise Mistake("duplicate-option", f"`{a.name}` is given twice", a.span, "the second time")
            options[a.name] = Given(evaluate(a.value, c, flow), a.span)
        elif isinstance(a, tree.Stride):
            stride = Given(evaluate(a.value, c, flow), a.span)
        elif isinstance(a, (tree.Upto, tree.Reference)):
            raise Mistake("wrong-argument", "a default holds switches and options only", a.span)
        else:
            v = evaluate(a, c, flow)
            if v is UNKNOWN_VALUE:
                raise Silent
            if not isinstance(v, Symbol):
                raise Mistake("wrong-argument", "a default never sets a positional argument", a.span, f"this is {described(v)}",
                              hint=_by_name(s, a.span))
            given.append(Given(v, a.span, v.name))
    try:
        learned = parameter_options(cls, options)
        new = gather(cls, s.span, given, options, stride, whole=False)
    except Mistake as m:
        # a default has no next step
        if m.diagnostic.hint is not None and "->" in m.diagnostic.hint and m.diagnostic.span is not None:
            m.diagnostic = replace(m.diagnostic, hint=m.diagnostic.span.edited(""))
        raise
    old = c.defaults.get(s.kind)
    new.learned = learned if old is None else learned.over(old.learned) if learned is not None else old.learned
    if old is not None:
        for k, v in old.fields.items():
            new.fields.setdefault(k, v)
        new.norm = new.norm if new.norm is not None or "norm" in new.cancelled else old.norm
        new.activation = new.activation if new.activation is not None else old.activation
    return new


def _by_name(s: tree.Default, at: Span) -> str:
    """A default with this positional argument by its name, where steps may leave it out: `default leaky slope=0.1`."""
    optional = sorted((a for a in arguments_of(LAYERS[s.kind]) if a.position is not None and a.kind != "ref"),
                      key=lambda a: a.position or 0)
    written = at.source.line(at.line)[at.column - 1 : at.end_column - 1]
    if optional and optional[0].default is not REQUIRED:
        return at.edited(f"{optional[0].name}={written}")
    return at.edited("") if len(s.arguments) > 1 else Advice("drop it: every step says it for itself")


def by_itself(e: Elaborator, s: Any, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    """A line that stands where no line below it could see what it defines."""
    with e.guarded():
        context_after(e, s, flow, c)
    return flow
