"""What a plain run leaves out, continuous integration runs, and no kind of case is left out."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet
from test_layers import EVERY, EXAMPLES

from netspec.words.layer import Example
from sweeps import one_of_each, the_first
from where import ROOT


def swept(cases: list[ParameterSet]) -> list[bool]:
    return [any(m.name == "sweep" for m in p.marks) for p in cases]


def test_the_first_of_each_kind_is_in_every_run() -> None:
    assert swept(one_of_each(["a 1", "b 1", "a 2", "a 3", "c"], lambda text: text[0])) == [False, False, True, True, False]
    assert swept(the_first(2, [(1, "x"), (2, "y"), (3, "z")])) == [False, False, True]
    whole = one_of_each(EXAMPLES, lambda e: e.spec.split()[0])
    assert [p.id for p in whole] == [p.id for p in EXAMPLES]
    examples: list[Example] = [p.values[0] for p, left in zip(whole, swept(whole)) if not left]  # type: ignore[misc]
    assert {e.spec.split()[0] for e in examples} == set(EVERY)


def test_the_rest_is_run_by_continuous_integration(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getini("addopts")[-2:] == ["-m", "not sweep and not browser"]
    for script in ("run", "check"):
        assert "pytest -n 2 --dist loadfile -m sweep" in (ROOT / ".ci" / script).read_text(encoding="utf-8")
