"""What is read off a formula's text, against every place its indices reach."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from netspec.ir.formula import Axis, Formula, axis_text, in_bounds


def test_a_bound_is_asked_for_just_where_a_place_lies_outside() -> None:
    """By every value of the indices: none too few, or memory is overrun, and none too many, or a kernel asks in vain."""
    r = random.Random(0)
    edge = 0  # subscripts that go one too far, or just not
    for _ in range(600):
        extents = {"h": r.randint(1, 4), "u": r.randint(1, 3)}
        a = Axis(tuple((i, r.choice([-2, -1, 1, 2])) for i in r.choice(["h", "hu"])), r.choice([-2, -1, 0, 1, 5]))
        size = r.randint(1, 9)
        if a.bare:
            continue
        reached = [a.const + sum(c * v for (_, c), v in zip(a.terms, at))
                   for at in itertools.product(*(range(extents[i]) for i, _ in a.terms))]
        want = [f"{axis_text(a)} >= 0"] * (min(reached) < 0) + [f"{axis_text(a)} < {size}"] * (max(reached) >= size)
        assert in_bounds([(a, size), (a, size)], extents, {}, str) == want
        assert in_bounds([(a, None)], extents, {}, str) == want[:min(reached) < 0]
        edge += max(reached) in (size - 1, size)
    assert edge > 50


@pytest.mark.parametrize("text", ["y[n,c,p] = x[n,c,2*p+1]", "y[n,c,p] = x[n,c,p-3]", "y[n,c] = x[n,c,0]", "y[n,c,p] += x[n,c,2*p+u-1] * w[c,u]"])
def test_a_formula_is_written_as_it_was_read(text: str) -> None:
    f = Formula(text)
    assert [str(a) for a in (f.target, *f.reads)] == re.findall(r"\w+\[[^\]]*\]", text)
