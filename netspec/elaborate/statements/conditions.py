"""`if`: one way is run, and the others are remembered for `check`."""

from __future__ import annotations

from ...syntax import tree
from ..binding.expressions import truth
from ..model.elaborator import Elaborator
from ..model.files import Context
from ..model.mistakes import Mistake, Silent
from ..model.scopes import Scope
from ..model.values import Flow
from .undecided import undecided


def if_line(e: Elaborator, s: tree.If, flow: Flow | None, scope: Scope, c: Context) -> Flow | None:
    for condition, body in s.cases:
        try:
            held = truth(condition, c, flow)
        except (Silent, Mistake) as m:  # what decides is in error: neither way is known, and both are looked at
            if isinstance(m, Mistake):
                e.report(m.diagnostic)
            return undecided(e, [b for _, b in s.cases] + ([s.otherwise] if s.otherwise is not None else []), flow, scope, c)
        if held:
            e.coverage.taken.add(id(body))
            for other in (*(x for case in s.cases for x in case if x is not condition and x is not body), s.otherwise):
                e.coverage.passed_over(other, c)
            return e.run(body, flow, scope, c)
    for _, body in s.cases:
        e.coverage.passed_over(body, c)
    if s.otherwise is None:
        return flow
    e.coverage.taken.add(id(s.otherwise))
    return e.run(s.otherwise, flow, scope, c)
