"""`repeat` and `for`."""

from __future__ import annotations

from typing import Any

from ...limits import TURNS
from ...syntax import tree
from ..binding.expressions import evaluate, number, undefined
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Fatal, Mistake, Silent
from ..model.origins import handed_in
from ..model.scopes import Scope
from ..model.values import UNKNOWN_VALUE, Flow, Symbol, described
from .undecided import undecided


def repeat(e: Elaborator, s: tree.Repeat, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    try:
        times = number(s.times, c, flow)
        check_turns(s, times)
    except (Silent, Mistake) as m:
        if isinstance(m, Fatal):
            raise
        if isinstance(m, Mistake):
            e.report(handed_in(m.diagnostic, s.times, c))
        return undecided(e, [s.body], flow, scope, c.bound(**{s.counter: UNKNOWN_VALUE}) if s.counter else c)
    for i in range(e.coverage.turns(int(times))):
        e.tick(s.span)
        flow = e.run(s.body, flow, scope, c.bound(**{s.counter: i + 1}) if s.counter else c)
    if not times:
        e.coverage.passed_over(s.body, c.bound(**{s.counter: UNKNOWN_VALUE}) if s.counter else c)
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


def loop(e: Elaborator, s: tree.For, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
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
        e.coverage.passed_over(s.body, c.bound(**dict.fromkeys(s.names, UNKNOWN_VALUE)))
    for values in over[: e.coverage.turns(len(over))]:
        e.tick(s.span)
        flow = e.run(s.body, flow, scope, c.bound(**dict(zip(s.names, values))))
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
