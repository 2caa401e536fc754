"""What must hold for every text: nothing but diagnostics comes out, and the formatter keeps the meaning."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broken_specs import BASES
from netspec.diagnostics import render
from netspec.elaborate.check import check_module
from netspec.source import Source
from netspec.syntax.formatter import format_source
from netspec.syntax.load import specs_folder
from netspec.syntax.parser import parse, parse_recovering
from random_specs import damaged, well_formed
from sweeps import the_first

HEAVY = {"densenet", "preact", "resnet", "inception_v3", "regnet", "efficientnet", "efficientnet_v2", "efficientnet_v2_b", "convnext", "shufflenet_v2",
         "mnasnet"}
TEXTS = [*BASES.values(),
         *(p.read_text(encoding="utf-8") for p in sorted(specs_folder().glob("*.net"))
           if p.stem not in HEAVY)]
MANY = the_first(1, [15, 60])  # texts


def looked_at(text: str) -> None:
    """Read, check and print everything about a text; format it where it can be read."""
    source = Source("random.net", text, str(specs_folder()))
    started = time.process_time()
    module, mistakes = parse_recovering(source)
    found = check_module(module, mistakes)
    assert time.process_time() - started < 10
    for d in found[:5]:
        assert d.code
        assert render(d, color=True)
        assert d.as_json()["message"]
        assert d.span is None or d.span.line <= max(1, len(d.span.source.lines))
    if not mistakes:
        once = format_source(source)
        again = Source("formatted.net", once)
        assert parse(again) == module
        assert format_source(again) == once


@pytest.mark.parametrize("many", MANY)
def test_damaged_specs_end_in_diagnostics(many: int) -> None:
    for seed in range(many):
        rng = random.Random(seed)
        looked_at(damaged(rng.choice(TEXTS), rng))


@pytest.mark.parametrize("many", MANY)
def test_the_formatter_keeps_the_tree_and_is_idempotent(many: int) -> None:
    for seed in range(2 * many):
        text = well_formed(seed)
        module, mistakes = parse_recovering(Source("random.net", text))
        assert not mistakes, render(mistakes[0]) + "\n" + text
        once = format_source(Source("random.net", text))
        again = parse(Source("once", once))
        assert again == module
        assert format_source(Source("once", once)) == once
        assert [c.text for c in module.comments if c.text != "#"] == [c.text for c in again.comments if c.text != "#"] or sorted(
            c.text for c in module.comments) == sorted(c.text for c in again.comments)


@pytest.mark.parametrize("many", MANY)
def test_well_formed_texts_end_in_a_graph_or_diagnostics(many: int) -> None:
    for seed in range(many):
        looked_at(well_formed(seed))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.text(max_size=200))
def test_any_text_at_all(text: str) -> None:
    looked_at(text)
    looked_at("net a:\n  input 3x8x8\n  " + text.replace("\n", "\n  "))


@pytest.mark.parametrize("path", sorted(specs_folder().glob("*.net")), ids=lambda p: p.stem)
def test_formatting_a_spec_keeps_its_tree(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    once = format_source(Source("spec", text))
    assert parse(Source("once", once)) == parse(Source("spec", text))
    assert format_source(Source("once", once)) == once


LIMITS = {
    "brackets": "  fc " + "(" * 3000 + "1" + ")" * 3000, "lists": "  fc " + "[" * 3000 + "1" + "]" * 3000,
    "sum": "  fc " + "+".join(["1"] * 5000), "labels": "  " + "a: " * 2000 + "relu",
    "indents": "\n".join("  " * (k + 1) + "repeat 1:" for k in range(200)) + "\n" + "  " * 202 + "relu", "not": "  if " + "not "
    * 5000 + "yes: relu", "turns": "  repeat 1000: repeat 1000: relu",
    "empty turns": "  repeat 100000: repeat 100000: skip", "power": "  fc 9^9^9^9", "range": "  for k in 1..10^11: relu",
    "unclosed": "  fc (1\n" * 3000, "strange": "  fc $\n" * 5000,
    "unknown": "  foo\n" * 5000, "name": "  " + "x" * 100000, "number": "  fc " + "9" * 100000, "axes": "  reshape "
    + "x".join(["9"] * 3000), "digits": "  reshape 3x" + "9" * 5000,
}


@pytest.mark.parametrize("kind", LIMITS)
def test_limits_name_themselves(kind: str) -> None:
    looked_at("net a:\n  input 3x8x8\n" + LIMITS[kind] + "\n")


def test_wide_recursion_ends() -> None:
    text = "block f(d):\n  if d > 0:\n    f d-1 -> f d-1\nnet a:\n  input 3\n  f 40\n"
    assert [d.code for d in check_module(*parse_recovering(Source("wide.net", text)))] == ["too-many-steps"]


@pytest.mark.sweep  # as long as it says
def test_ten_thousand_lines() -> None:
    text = "net a:\n  input 4x8x8\n" + "  conv 4 3x3 bn relu\n" * 10_000
    assert check_module(*parse_recovering(Source("long.net", text))) == []  # benchmarks/reading.py says how long it takes
