"""Statements: each takes the flow and gives the flow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..diagnostics import Advice, Label, distance, near
from ..ir.types import TensorType, shape_text
from ..layers import LAYERS
from ..layers.structural.join_views import JoinViews
from ..layers.structural.split_views import SplitViews
from ..limits import TURNS
from ..source import Span
from ..syntax import tree
from ..syntax.tree import walk
from . import ends, merging, steps
from .argument_kinds import Given
from .bind import Bound, gather
from .blame import handed_in
from .elaborator import Elaborator, single_call
from .expressions import evaluate, number, truth, undefined
from .files import Context, is_known
from .lookup import reference, spot_name, unknown
from .scopes import Scope, head_of
from .values import NOTHING, UNKNOWN_VALUE, Fatal, Flow, Mistake, Silent, Symbol, described

HEADS = ("residual", "shortcut", "dense", "each", "frozen", "repeat", "output", "input", "default", "else", "elif", "concat")


def run(e: Elaborator, s: Any, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    """Run one statement. Mistakes are reported here, and the flow goes on as far as it is known."""
    rule = _RULES[s.__class__]
    try:
        return rule(e, s, flow, scope, c)
    except Fatal:
        raise
    except Mistake as m:
        e.report(m.diagnostic)
    except Silent:
        pass
    return flow.unsure() if flow is not None else NOTHING


def _suite(e: Elaborator, s: tree.Suite, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    for k, x in enumerate(s.statements):
        kind = x.__class__
        if isinstance(x, tree.Residual) and x.shortcut is None and _shortcut_lost(s.statements[k + 1 :]):
            x = replace(x, shortcut=tree.Shortcut(None, tree.Hole(None, x.span), x.span))  # whatever it was to make
        if kind is tree.Default or kind is tree.Constant:
            with e.guarded():
                c = bound(e, x, flow, c)
        else:
            flow = run(e, x, flow, scope, c)
    return flow


def _shortcut_lost(following: tuple[Any, ...]) -> bool:
    """Whether a residual's shortcut stands on a line that was not read as one."""
    for k, x in enumerate(following):
        if isinstance(x, tree.Residual):
            return False
        if k == 0 and isinstance(x, tree.Labelled) and near(x.name, ("shortcut",)):
            return True
        if isinstance(x, tree.Hole) and re.match(r"\s*(?:shortcut|else)\b", x.span.source.line(x.span.line)):
            return True
    return False


def bound(e: Elaborator, s: Any, flow: Flow | None, c: Context) -> Context:
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
    return c.with_default(s.kind, default(e, s, flow, c))


def default(e: Elaborator, s: tree.Default, flow: Flow | None, c: Context) -> Bound:
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
        new = gather(cls, s.span, given, options, stride, whole=False)
    except Mistake as m:
        # a default has no next step
        if m.diagnostic.hint is not None and "->" in m.diagnostic.hint and m.diagnostic.span is not None:
            m.diagnostic = replace(m.diagnostic, hint=m.diagnostic.span.edited(""))
        raise
    old = c.defaults.get(s.kind)
    if old is not None:
        for k, v in old.fields.items():
            new.fields.setdefault(k, v)
        new.norm = new.norm if new.norm is not None or "norm" in new.cancelled else old.norm
        new.activation = new.activation if new.activation is not None else old.activation
    return new


def _by_name(s: tree.Default, at: Span) -> str:
    """A default with this positional argument by its name, where steps may leave it out: `default leaky slope=0.1`."""
    from ..words import REQUIRED
    from ..words import arguments as arguments_of

    optional = sorted((a for a in arguments_of(LAYERS[s.kind]) if a.position is not None and a.kind != "ref"),
                      key=lambda a: a.position or 0)
    written = at.source.line(at.line)[at.column - 1 : at.end_column - 1]
    if optional and optional[0].default is not REQUIRED:
        return at.edited(f"{optional[0].name}={written}")
    return at.edited("") if len(s.arguments) > 1 else Advice("drop it: every step says it for itself")


def _steps(e: Elaborator, s: tree.Steps, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    for x in s.items:
        if x.__class__ is tree.Call:
            flow = steps.call(e, x, flow, scope, c)
        else:
            flow = run(e, x, flow, scope, c)
    return flow


def _call(e: Elaborator, s: tree.Call, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    return steps.call(e, s, flow, scope, c)


def _reference(e: Elaborator, s: tree.Reference, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    e.ends_with_output = False
    place = reference(e, s, flow, scope, c)
    assert place.value is not None
    return place.value


# ---------------------------------------------------------------- labels


def _labelled(e: Elaborator, s: tree.Labelled, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    e.tick(s.span)
    head = head_of(s.span, s.name)
    alike = near(s.name, HEADS)
    if alike and s.name.rstrip("0123456789_") == alike:
        alike = None  # `dense1` is a name of its own
    if alike and len(s.name) < 8 and distance(s.name, alike) > 1:
        alike = None  # more than one slip away
    if s.name == "reuse":
        raise Mistake("misleading-label", "`reuse` is a step, and this makes a label of it", head, "no colon follows it",
                      hint="reuse @" + tree.source_text(s.body).lstrip("@"))
    if s.name in ("concat", "add", "sub", "mul", "mean") and single_call(s.body) is None:
        lines = s.body.statements if isinstance(s.body, tree.Suite) else (s.body,)
        peers = tuple(Label(first_line(x), "nor is this") for x in lines[1:4])
        e.report(Mistake("branch-expected", f"`{s.name}:` opens a merge, and its lines begin with `|`", first_line(lines[0]),
                         "no branch", hint="\n".join(f"| {tree.source_text(x)}" for x in lines), peers=peers).diagnostic)
    elif alike and s.name != alike and s.index is None:
        e.report(Mistake("misleading-label", f"the label `{s.name}` looks like the word `{alike}`", head,
                         "read as a label, this line would connect nothing",
                         notes=("a label has a name further from it",), hint=head.edited(alike)).diagnostic)
        place = scope.claim(s.name, head) if s.name not in scope.kids else Scope(s.name, scope, s.span)
        place.value = flow.unsure() if flow else NOTHING
        run(e, s.body, flow, place, c)
        return place.value
    try:
        name = spot_name(s.name, s.index, c, flow)
    except (Silent, Mistake):  # its number is not known
        undecided(e, [s.body], flow, scope, c)
        raise
    return labelled_body(e, name, s.body, flow, scope, c, head)


def labelled_body(e: Elaborator, name: str, body: Any, flow: Flow | None, scope: Scope, c: Context, span: Span) -> Flow:
    """A label: the name of its one call, or a scope."""
    call = single_call(body)
    if call is not None:
        for x in _before(body, call):
            flow = run(e, x, flow, scope, c)
        out = steps.call(e, call, flow, scope, c, name)
        place = scope.kids.get(name)
        if place is not None and place.replay is not None:
            place.span = span
        return out
    place = scope.claim(name, span)
    place.replay = (body, c)
    out_ = run(e, body, flow, place, c)
    if out_ is None:
        raise Mistake("no-flow", "there is no flow yet for this line to read", span, hint="begin the net with:  input 3x224x224")
    return e.done(place, out_)


def _before(body: Any, call: tree.Call) -> tuple[Any, ...]:
    """The references that move the flow before a labelled call."""
    while body is not call:
        if body.__class__ is tree.Suite:
            body = body.statements[0]
        else:
            calls = [x for x in body.items if x.__class__ is not tree.Reference]
            if calls[0] is call:
                return tuple(x for x in body.items if x is not call)
            return tuple(x for x in body.items if x is not calls[0]) + _before(calls[0], call)
    return ()


def _keyword(span: Span, word: str) -> Span:
    """The keyword a statement begins with."""
    return Span(span.source, span.line, span.column, span.line, span.column + len(word))


# ---------------------------------------------------------------- structure


def _merge(e: Elaborator, s: tree.Merge, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    return merging.branches(e, s, flow, scope, c)


def _repeat(e: Elaborator, s: tree.Repeat, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    try:
        times = number(s.times, c, flow)
        check_turns(s, times)
    except (Silent, Mistake) as m:
        if isinstance(m, Fatal):
            raise
        if isinstance(m, Mistake):
            e.report(handed_in(m.diagnostic, s.times, c))
        return undecided(e, [s.body], flow, scope, c.bound(**{s.counter: UNKNOWN_VALUE}) if s.counter else c)
    for i in range(e.turns(int(times))):
        e.tick(s.span)
        flow = run(e, s.body, flow, scope, c.bound(**{s.counter: i + 1}) if s.counter else c)
    if not times:
        e.passed_over(s.body, c.bound(**{s.counter: UNKNOWN_VALUE}) if s.counter else c)
    return flow


def check_turns(s: tree.Repeat, times: int | float) -> None:
    """Refuse a count that is none."""
    if times != int(times):
        raise Mistake("not-whole", "a repeat runs a whole number of times", s.times.span, f"this is {times:g}",
                      hint=f"numbers that divide, or rounded down:  floor({tree.source_text(s.times)})")
    if times < 0:
        raise Mistake("out-of-range", "a repeat cannot run a negative number of times", s.times.span, f"this is {times}",
                      hint=f"for example:  {-times}")
    if times > TURNS:
        raise Mistake("too-large", f"a repeat of more than {TURNS} turns is no network", s.times.span, f"this is {times}")


def _for(e: Elaborator, s: tree.For, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    if len(set(s.names)) < len(s.names):
        raise Mistake("duplicate-definition", "the names of a loop must differ", s.span)
    try:
        over = list_of(s, c, flow)
    except (Silent, Mistake) as m:
        if isinstance(m, Fatal):
            raise
        if isinstance(m, Mistake):
            e.report(handed_in(m.diagnostic, s.over, c))
        return undecided(e, [s.body], flow, scope, c.bound(**dict.fromkeys(s.names, UNKNOWN_VALUE)))
    if not over:
        e.passed_over(s.body, c.bound(**dict.fromkeys(s.names, UNKNOWN_VALUE)))
    for values in over[: e.turns(len(over))]:
        e.tick(s.span)
        flow = run(e, s.body, flow, scope, c.bound(**dict(zip(s.names, values))))
    return flow


def list_of(s: tree.For, c: Context, flow: Flow | None) -> list[tuple[Any, ...]]:
    """The values of a loop's names, turn by turn."""
    over = evaluate(s.over, c, flow)
    if over is UNKNOWN_VALUE:
        raise Silent
    if isinstance(over, int) and not isinstance(over, bool):
        text = tree.source_text(s.over)
        raise Mistake("wrong-argument", "a loop runs over a list or a range, and this is one number", s.over.span,
                      hint=text.replace(" ", "").replace("-", "..") if isinstance(s.over, tree.Binary) and "-" in text
                      else f"1..{over}")
    if not isinstance(over, tuple):
        if isinstance(over, Symbol) and isinstance(s.over, tree.Name):
            raise undefined(s.over, c)
        raise Mistake("wrong-argument", "a loop runs over a list or a range", s.over.span, f"this is {described(over)}",
                      hint=f"for example:  {_a_list(s)}")
    out: list[tuple[Any, ...]] = []
    for v in over:
        if len(s.names) == 1:
            out.append((v,))
        elif v is UNKNOWN_VALUE:
            out.append((UNKNOWN_VALUE,) * len(s.names))
        elif not isinstance(v, tuple) or len(v) != len(s.names):
            raise Mistake("wrong-argument", f"each item must have {len(s.names)} parts, one for each name", s.over.span,
                          f"one is {described(v)}", hint=f"for example:  {_a_list(s)}")
        else:
            out.append(v)
    return out


def _a_list(s: tree.For) -> str:
    """Something that this loop could run over: `[8, 16]`, `[(8, 1), (16, 2)]`."""
    turns = [[8 * k if j == 0 else k for j in range(len(s.names))] for k in (1, 2)]
    return "[" + ", ".join(f"({', '.join(map(str, t))})" if len(t) > 1 else str(t[0]) for t in turns) + "]"


def _if(e: Elaborator, s: tree.If, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    for condition, body in s.cases:
        try:
            held = truth(condition, c, flow)
        except (Silent, Mistake) as m:  # what decides is in error: neither way is known, and both are looked at
            if isinstance(m, Mistake):
                e.report(m.diagnostic)
            return undecided(e, [b for _, b in s.cases] + ([s.otherwise] if s.otherwise is not None else []), flow, scope, c)
        if held:
            e.taken.add(id(body))
            for other in (*(x for case in s.cases for x in case if x is not condition and x is not body), s.otherwise):
                e.passed_over(other, c)
            return run(e, body, flow, scope, c)
    for _, body in s.cases:
        e.passed_over(body, c)
    if s.otherwise is None:
        return flow
    e.taken.add(id(s.otherwise))
    return run(e, s.otherwise, flow, scope, c)


def undecided(e: Elaborator, bodies: list[Any], flow: Flow | None, scope: Scope, c: Context) -> Flow:
    """Look at bodies of which nobody knows whether they would run."""
    inner = flow.unsure() if flow is not None else NOTHING
    e.guessing += 1
    try:
        for b in bodies:
            e.maybe |= {n.name for n in walk(b) if isinstance(n, (tree.Labelled, tree.Output))}
            run(e, b, inner, Scope("?", scope, b.span), c)
    finally:
        e.guessing -= 1
    return inner


def _residual(e: Elaborator, s: tree.Residual, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    head = _keyword(s.span, "residual")
    if flow is None:
        raise Mistake("no-flow", "there is no flow yet for this residual to read", head,
                      hint="begin the net with:  input 3x224x224")
    body = run(e, s.body, flow, scope, c)
    other, which = flow, "the input"
    if s.shortcut is not None:
        try:
            taken = s.shortcut.condition is None or truth(s.shortcut.condition, c, flow)
        except (Silent, Mistake) as m:
            if isinstance(m, Mistake):
                e.report(m.diagnostic)
            undecided(e, [s.shortcut.body], flow, scope, c)
            return body.unsure() if body else NOTHING
        if not taken:
            e.passed_over(s.shortcut.body, c)
        else:
            e.taken.add(id(s.shortcut.body))
            k = scope.counts.get("shortcut", 0) + 1
            while (name := "shortcut" if k == 1 else f"shortcut{k}") in scope.kids:
                k += 1
            scope.counts["shortcut"] = k
            inner = scope.claim(name, s.shortcut.span)
            out = run(e, s.shortcut.body, flow, inner, c)
            assert out is not None
            inner.value = other = out
            which = "the shortcut"
    assert body is not None
    e.ends_with_output = False
    ends = (Label(last_line(s.body), "the body ends here"),
            *((Label(last_line(s.shortcut.body), "the shortcut ends here"),) if which == "the shortcut" and s.shortcut else ()))
    return merging.residual(e, ends, body, other, which, scope, head)


def first_line(s: Any) -> Span:
    """The first line of a statement."""
    at: Span = s.span
    return at if at.line == at.end_line else Span(at.source, at.line, at.column, at.line, len(at.source.line(at.line)) + 1)


def last_line(body: Any) -> Span:
    """Where the last step of a body stands."""
    while isinstance(body, (tree.Suite, tree.Steps)):
        body = (body.statements if isinstance(body, tree.Suite) else body.items)[-1]
    span: Span = body.span
    return span if span.line == span.end_line else Span(span.source, span.line, span.column, span.line,
                                                        len(span.source.line(span.line)) + 1)


def _dense(e: Elaborator, s: tree.Dense, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    head = _keyword(s.span, "dense")
    if flow is None:
        raise Mistake("no-flow", "there is no flow yet for this body to read", head, hint="begin the net with:  input 3x224x224")
    body = run(e, s.body, flow, scope, c)
    assert body is not None
    e.ends_with_output = False
    return merging.dense(e, flow, body, scope, head)


def _each(e: Elaborator, s: tree.Each, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    span = _keyword(s.span, "each")
    if flow is None:
        raise Mistake("no-flow", "there is no flow yet for this body to read", span,
                      hint="begin the net with:  input (12, 3, 224, 224)")
    if s.axis is not None:
        e.seen_axes.add(s.axis)
    if flow.sure and len(flow.type.shape) < 2:
        raise Mistake("wrong-rank", "`each` runs over the first axis, and the flow has only one", span,
                      f"it is {shape_text(flow.type.shape)}",
                      hint="declare the input with its views first:  input (12, 3, 224, 224)")
    if not flow.sure:
        run(e, s.body, Flow("", TensorType((None,) * max(1, len(flow.type.shape) - 1)), False), scope, c)
        return flow.unsure()
    first = scope.numbered("split_views", span)
    first.value = inner = e.add(first.path, SplitViews(), [flow], span, scope.path)
    out = run(e, s.body, inner, scope, c)
    assert out is not None
    e.ends_with_output = False
    last = scope.numbered("join_views", span)
    if not out.sure:
        last.value = Flow("", TensorType((flow.type.shape[0], *out.type.shape), flow.type.batch), False, (), None, out.ranked)
        return last.value
    last.value = e.add(last.path, JoinViews(), [out], span, scope.path)
    return last.value


def _frozen(e: Elaborator, s: tree.Frozen, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    e.frozen += 1
    try:
        return run(e, s.body, flow, scope, c)
    finally:
        e.frozen -= 1


def _hole(e: Elaborator, s: tree.Hole, flow: Flow | None, scope: Scope, c: Context) -> Flow:
    """A line that could not be read. What was indented under it is still looked at, on its own."""
    inner = flow.unsure() if flow else NOTHING
    e.maybe |= set(re.findall(r"\b(\w+)(?:\[.*?\])?\s*:",
                              s.span.source.line(s.span.line))) | set(re.findall(r"output\s+(\w+)",
                                                                                 s.span.source.line(s.span.line)))
    if s.body is not None:
        e.maybe |= {n.name for n in walk(s.body) if isinstance(n, (tree.Labelled, tree.Output))}
        loop = re.match(r"\s*for\s+(\w+(?:\s*,\s*\w+)*)|.*?\bas\s+(\w+)", s.span.source.line(s.span.line))
        names = re.findall(r"\w+", loop[1] or loop[2]) if loop else ()
        run(e, s.body, inner, Scope("?", scope, s.span), c.bound(**dict.fromkeys(names, UNKNOWN_VALUE)))
    return inner


def _misplaced(e: Elaborator, s: Any, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    with e.guarded():
        bound(e, s, flow, c)
    return flow


_RULES: dict[type, Callable[..., Flow | None]] = {
    tree.Suite: _suite, tree.Steps: _steps, tree.Call: _call, tree.Reference: _reference, tree.Labelled: _labelled,
    tree.Merge: _merge,
    tree.Repeat: _repeat, tree.For: _for, tree.If: _if, tree.Residual: _residual, tree.Dense: _dense, tree.Each: _each,
    tree.Frozen: _frozen,
    tree.Output: ends.output, tree.InputLine: ends.input_line, tree.Hole: _hole, tree.Default: _misplaced,
    tree.Constant: _misplaced,
}
STATEMENTS = tuple(_RULES)
