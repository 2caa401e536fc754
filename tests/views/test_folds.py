"""Turns that are drawn as one: told one by one, as a reader tells them, they have the arcs that the graph has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from test_drawings import random_net

import netspec
from netspec.views.drawing.scene import Reading
from netspec.views.reading.boxes import arcs_between, drawn, stands_for
from netspec.views.reading.closing import closed, deepest
from netspec.views.reading.steps import Group, Item, Repeat, Step
from sweeps import the_first
from where import ROOT

WAVES = """
block gated(n, reach, last=no):
  x: skip
  mul:
    | conv n 2 tanh dilation=reach pad=[(reach, 0)]
    | conv n 2 sigmoid dilation=reach pad=[(reach, 0)]
  z: skip
  skipped: conv 8 1
  if not last: @z -> conv n 1 -> add @x

net a(layers=12):
  input (4, 64)
  conv 4 1
  for k in 1..layers:
    layer[k]: gated 4 2^((k-1)%4) last=(k == layers)
  @layer[1].skipped
  for k in 2..layers: add @layer[k].skipped
  relu
"""


def unfolded(items: Sequence[Item]) -> tuple[Item, ...]:
    """Every turn told."""
    found: list[Item] = []
    for i in items:
        found += ([i] if isinstance(i, Step) else [Group(i.path, unfolded(i.items))] if isinstance(i, Group)
                  else [j for turn in i.turns for j in unfolded(turn)])
    return tuple(found)


def repeats(items: Sequence[Item]) -> Iterator[Repeat]:
    for i in items:
        if isinstance(i, Repeat):
            yield i
        elif isinstance(i, Group):
            yield from repeats(i.items)


def same(reading: Reading, depth: int) -> None:
    """Of the outermost folds, what their pictures say against what the graph says."""
    graph = reading.graph
    items = closed(graph, reading.items, depth, (), reading.sources)
    flat = unfolded(items)
    boxes = {n: b for b, stood in stands_for(flat).items() for s in stood for n in (m.name for m in s.nodes)}
    actual = {(s, t) for s, t, _ in arcs_between(graph, flat, reading.sources, reading.kinds)}
    shown = {(s, t) for s, t, _ in arcs_between(graph, items, reading.sources, reading.kinds)}
    for fold in repeats(items):
        stood = stands_for([fold])
        own = {s.name for t in fold.turns for s in drawn(unfolded(t))}
        if any(len(list(drawn(unfolded(t)))) != len(list(drawn(t))) for t in fold.turns):
            continue  # folds within it are told of by those of test_drawings
        inside = set(stood)
        exits = {s for s, t in shown if s in inside and t not in inside} | {
            name for name in inside if any(boxes[graph.maker[v].name] == stood[name][-1].name for _, v in graph.outputs)}
        for s, t in shown:
            if t not in inside:
                continue
            for k in range(1, len(fold.turns)):
                told = stood[t][k].name
                if s in inside:
                    assert (stood[s][k].name, told) in actual
                else:  # from the turn before: the same box's where that is handed on, else the one that is
                    comes = t if t in exits else next(iter(exits or {list(inside)[-1]}))
                    assert (stood[comes][k - 1].name, told) in actual
        into = {(s, t) for s, t in actual if t in own}
        assert len(into) == len(fold.turns) * sum(t in inside for _, t in shown)


@pytest.mark.parametrize("name", the_first(4, ["wavenet", "resnet:resnet50", "mobilenet_v2", "convnext:convnext_tiny",
                                              "shufflenet_v2:shufflenet_v2_x1_0", "densenet:densenet121", "yolo:darknet53"]))
def test_a_fold_of_a_shipped_net_is_its_turns(name: str) -> None:
    file, _, net = name.partition(":")
    graph = netspec.load_graph(ROOT / "specs" / f"{file}.net", net or None).graph
    reading = Reading(graph)
    for depth in range(1, deepest(reading.items) + 1):
        same(reading, depth)


@pytest.mark.parametrize("seed", range(20))
def test_a_fold_of_a_random_net_is_its_turns(seed: int) -> None:
    same(Reading(netspec.load_graph(text=random_net(seed)).graph), 1)


def test_a_sum_beside_a_chain_is_told_turn_by_turn() -> None:
    graph = netspec.load_graph(text=WAVES).graph
    reading = Reading(graph)
    scene = reading.scene(1)
    assert [b.lines[0] for b in scene.boxes] == ["input", "conv 4 1", "gated 4 1 last=no", "gated 4 1…8 last=no", "+",
                                                 "gated 4 8 last=yes", "+ relu", "out"]
    assert [f.times for f in scene.items if hasattr(f, "times") and f.times > 1] == [10]
    same(reading, 1)


def test_a_sum_that_something_looks_into_is_not_folded_there() -> None:
    text = WAVES.replace("  relu\n", "  x: relu\n  add @layer[6].skipped\n")
    scene = Reading(netspec.load_graph(text=text).graph).scene(1)
    assert [f.times for f in scene.items if hasattr(f, "times") and f.times > 1] == [4, 5]


def test_the_line_of_a_chain_is_no_skip_however_long_the_sum_beside_it() -> None:
    scene = Reading(netspec.load_graph(text=WAVES.replace("layers=12", "layers=20")).graph).scene(1)
    layers = {b.name for b in scene.boxes if b.lines[0].startswith("gated")}
    assert {a.kind for a in scene.arcs if a.target in layers} == {"data"}


def test_what_something_else_comes_off_is_not_of_the_way_round() -> None:
    text = ("net a:\n  input 4x8x8\n  f: conv 4 3x3\n  p: conv 4 1x1\n  conv 4 3x3\n  conv 4 3x3\n  s: add @q\n  add @p\n"
            .replace("@q", "@p"))
    scene = Reading(netspec.load_graph(text=text).graph).scene(None)
    kinds = {(a.source, a.target): a.kind for a in scene.arcs}
    assert kinds["f", "p"] == "data" and kinds["p", "s"] == "skip"


SQUEEZE = """
block squeeze(part=4):
  x: skip
  avgpool global
  conv in.channels/part 1x1 relu
  conv in.channels*part 1x1 sigmoid
  up @x
  mul @x

block unit:
  residual:
    conv 16 3x3 bn relu -> conv 16 3x3 bn
    squeeze
  relu

net senet:
  input 3x32x32
  conv 16 3x3 bn relu
  stage: repeat 3:
    TURN
  avgpool global
  fc 10
"""


@pytest.mark.parametrize("turn", ["unit", "residual:\n      conv 16 3x3 bn\n      squeeze\n    relu"])
def test_turns_whose_names_stand_for_values_of_their_own_are_folded(turn: str) -> None:
    spec = netspec.load_graph(text=SQUEEZE.replace("TURN", turn))
    reading = Reading(spec.graph)
    assert [r.times for r in repeats(closed(spec.graph, reading.items, deepest(reading.items), (), reading.sources))] == [3]
    for depth in range(1, 4):
        same(reading, depth)
    svg = spec.diagram(depth=4).svg
    assert "up @x<" in svg and "squeeze1.x" not in svg
    assert "3 times" in str(spec.summary())
