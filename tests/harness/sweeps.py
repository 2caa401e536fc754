"""What a test of many cases asks in every run: some of each kind. The others are its sweep, which `pytest -m sweep` runs.

    @pytest.mark.parametrize("example", one_of_each(EXAMPLES, lambda e: e.spec.split()[0]))

A case of a kind that was not there before is in every run by itself, so nothing new is left to the sweep alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def one_of_each(cases: Iterable[Any], kind: Callable[..., Hashable], most: int = 1) -> list[ParameterSet]:
    """The cases in their order: values, tuples of them, or `pytest.param(...)`. `kind` is asked of the values of a case; those
    that come after the first `most` of a kind are marked as sweep."""
    seen: dict[Hashable, int] = {}
    out = []
    for case in cases:
        p = case if isinstance(case, ParameterSet) else pytest.param(*case) if isinstance(case, tuple) else pytest.param(case)
        found = kind(*p.values)
        seen[found] = seen.get(found, 0) + 1
        out.append(p if seen[found] <= most else pytest.param(*p.values, id=p.id, marks=(*p.marks, pytest.mark.sweep)))
    return out


def the_first(most: int, cases: Iterable[Any]) -> list[ParameterSet]:
    """The cases in their order, those after the first `most` marked as sweep."""
    return one_of_each(cases, lambda *_: None, most)
