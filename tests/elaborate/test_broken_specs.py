"""No broken spec is accepted, none crashes, and every planted mistake is named at its line."""

from __future__ import annotations

import pytest

from broken_specs import BASES, Broken, every_single, several
from netspec.diagnostics import Diagnostic, render
from netspec.elaborate.check import check_module
from netspec.source import Source
from netspec.syntax.parser import parse_recovering
from sweeps import the_first


def findings(text: str) -> list[Diagnostic]:
    return check_module(*parse_recovering(Source("broken.net", text)))


@pytest.mark.parametrize("base", BASES)
def test_the_bases_are_fine(base: str) -> None:
    assert [render(d) for d in findings(BASES[base]) if d.severity == "error"] == []


def missed(specs: list[Broken]) -> tuple[list[str], list[str], int]:
    """Texts that were accepted, mistakes of whose line no error begins, and how many were planted."""
    accepted, unnamed, planted = [], [], 0
    for spec in specs:
        found = [d for d in findings(spec.text) if d.severity == "error"]
        if not found:
            accepted.append(f"{spec.planted}\n{spec.text}")
        lines = {d.span.line for d in found if d.span is not None}
        for kind, at in spec.planted:
            planted += 1
            if not lines & at:
                unnamed.append(
                    f"{kind} in line {sorted(at)}: found {[(d.span.line if d.span else 0, d.code) for d in found]}\n{spec.text}")
    return accepted, unnamed, planted


@pytest.mark.parametrize("first_alone", the_first(1, [True, False]))
def test_every_single_mistake_is_named(first_alone: bool) -> None:
    """In the first place that it fits, and as a sweep in each."""
    specs = list(every_single())
    assert len(specs) > 1200
    first = {kind: spec for spec in reversed(specs) for kind, _ in spec.planted}
    accepted, unnamed, planted = missed(list(first.values()) if first_alone else specs)
    assert not accepted, accepted[0]
    assert len(unnamed) <= len(specs) // 300, f"{len(unnamed)} of {planted}\n" + "\n".join(unnamed[:3])


@pytest.mark.parametrize("many", the_first(1, [40, 300]))
def test_several_mistakes_are_all_named(many: int) -> None:
    accepted, unnamed, planted = missed(list(several(many)))
    assert not accepted, accepted[0]
    assert len(unnamed) <= planted // 200, f"{len(unnamed)} of {planted}\n" + "\n".join(unnamed[:3])


def test_findings_come_in_source_order_and_as_json() -> None:
    for spec in several(20, seed=1):
        found = findings(spec.text)
        places = [d.place for d in found]
        assert places == sorted(places)
        for d in found:
            j = d.as_json()
            assert {"file", "line", "column", "end_line", "end_column", "severity", "code", "message", "notes", "hint",
                    "trail"} == set(j)
            assert (j["end_line"], j["end_column"]) >= (j["line"], j["column"])
            assert d.as_github().startswith(("::error file=broken.net,line=", "::warning file=", "::notice file="))
