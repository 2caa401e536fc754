"""The views: outline, counts, summary and diagram of a graph."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import netspec
from netspec.diagnostics import UsageError
from netspec.ir.graph import Graph
from netspec.views.drawing.diagram import diagram
from netspec.views.numbers.counts import count
from netspec.views.reading.outline import outline
from netspec.views.reading.steps import Group, Repeat, Step, leaves, nodes_of
from netspec.views.tables.summary import summarise
from netspec.views.words.explain import example_node, explain_word, usage
from netspec.views.words.vocabulary import VOCABULARY
from netspec.words.layer import LAYERS, Example
from where import ROOT

RESIDUAL = """
block unit(n):
  residual:
    conv n 3x3 bn relu
    conv n 3x3 bn
  relu

net a:
  input 3x16x16
  conv 8 3x3 bn relu
  body:
    repeat 4: unit 8
  avgpool global
  fc 5
"""
EXAMPLES = [(cls, e) for cls in LAYERS.values() for e in cls.examples]


def graph(text: str, **more: Any) -> Graph:
    return netspec.load_graph(text=text, **more).graph


def spec(name: str, net: str | None = None) -> Graph:
    return netspec.load_graph(ROOT / "specs" / f"{name}.net", net).graph


def shown(items: Any) -> list[Any]:
    """An outline as nested lists of names."""
    return [i.name if isinstance(i, Step) else (i.path, shown(i.items)) if isinstance(i, Group) else (i.times, shown(i.turns[0]))
            for i in items]


# ---------------------------------------------------------------- outline


def test_a_step_holds_what_its_switches_added() -> None:
    steps = list(leaves(outline(graph(RESIDUAL), lambda n: n.name)))
    assert str(steps[1]) == "conv 8 3x3 bn relu"
    assert [n.name for n in steps[1].nodes] == ["conv1", "conv1.bn", "conv1.relu"]


def test_equal_turns_are_folded_and_nothing_is_lost() -> None:
    g = graph(RESIDUAL)
    items = outline(g, lambda n: (str(n.op), n.type))
    assert [n.name for n in nodes_of(items)] == [n.name for n in g]
    repeats = [i for group in items if isinstance(group, Group) for i in group.items if isinstance(i, Repeat)]
    assert [r.times for r in repeats] == [4]


def test_a_turn_that_is_read_from_outside_is_not_hidden() -> None:
    text = "net a:\n  input 3x8x8\n  conv 3 3x3\n  early: conv 3 3x3\n  conv 3 3x3\n  conv 3 3x3\n  add @early\n"
    items = outline(graph(text), lambda n: (str(n.op), n.type))
    hidden = {s.name for i in items if isinstance(i, Repeat) for turn in i.turns[:-1] for s in leaves(turn)}
    assert "early" not in hidden


def test_every_spec_has_an_outline_of_all_its_nodes() -> None:
    for name, net in (("densenet", "densenet201"), ("googlenet", None), ("unet", None), ("siamese", None),
                      ("inception_v3", None)):
        g = spec(name, net)
        for join in (False, True):
            assert sorted(n.name for n in nodes_of(outline(g, lambda n: str(n.op), join))) == sorted(n.name for n in g)


# ---------------------------------------------------------------- counts


@pytest.mark.parametrize(("layer", "example"), EXAMPLES, ids=[f"{c.name}-{k}" for k, (c, _) in enumerate(EXAMPLES)])
def test_examples_state_their_numbers(layer: Any, example: Example) -> None:
    made = example_node(layer, example)
    if made is None:
        pytest.skip("needs more around it than inputs")
    node, types = made
    from netspec.views.numbers.counts import multiply_accumulates

    assert sum(p.size for p in node.parameters if p.kind != "buffer") == example.parameters
    assert multiply_accumulates(node, types) == example.macs


def test_shared_weights_count_once_and_work_each_time() -> None:
    c = count(
        graph(
            "net a:\n  input left 3x8x8\n  input right 3x8x8\n  @left -> f: conv 4 3x3 bias=no\n  @right -> reuse @f -> sub @f\n"))
    assert (c.totals.trainable, c.totals.macs) == (4 * 27, 2 * 4 * 27 * 64)


def test_frozen_parameters_are_no_trainable_ones() -> None:
    c = count(graph("net a:\n  input 3x8x8\n  frozen:\n    conv 4 3x3 bn\n  fc 2 bias=no\n"))
    assert (c.totals.trainable, c.totals.frozen, c.totals.buffers) == (2 * 256, 4 * 27 + 8, 8)


def test_unknown_sizes_have_no_macs() -> None:
    g = graph("net a:\n  input 3x?x?\n  conv 4 3x3\n  avgpool global\n  fc 2\n")
    assert count(g).totals.macs is None
    assert count(g).totals.trainable == 112 + 10
    assert "--input" in str(summarise(g)) and summarise(g).data()["totals"]["macs"] is None


# ---------------------------------------------------------------- summary


def test_summary_fits_a_page_and_folds() -> None:
    text = summarise(spec("resnet", "resnet152")).to_text(100)
    assert all(len(line) <= 100 for line in text.splitlines() if not line.startswith("note:"))
    assert "35 times" in text and len(text.splitlines()) < 100
    assert "60,192,808 trainable parameters" in text


def test_summary_is_plain_values() -> None:
    data = summarise(spec("googlenet")).data()
    assert json.loads(json.dumps(data)) == data
    assert list(data["outputs"]) == ["aux1", "aux2", "out"]
    names = [n["name"] for n in data["nodes"]]
    assert len(set(names)) == len(names)
    seen: set[str] = set()
    for n in data["nodes"]:
        assert set(n["inputs"]) <= seen
        seen.add(n["name"])
        assert isinstance(n["line"], int)
    assert sum(n["parameters"] for n in data["nodes"]) == data["totals"]["trainable"]
    assert sum(n["macs"] for n in data["nodes"]) == data["totals"]["macs"]


def test_lost_pixels_are_told() -> None:
    g = graph("net a:\n  input 3x224x224\n  conv 96 11x11 /4 pad=3\n  maxpool 2\n  fc 2\n")
    notes = summarise(g).notes
    assert "(224 - 11 + 6)/4 + 1 = 55.75" in notes[0] and "conv1" in notes[0]
    assert "1 row and 1 column of its input" in notes[1]


def test_the_summary_says_what_a_loss_reads() -> None:
    g = graph("net a:\n  input 1x8x8\n  fc 10 softmax\n\ntrain a:\n  data digits\n  loss cross_entropy\n  sgd lr=0.1\n")
    assert any("line 7" in n and "softmax" in n for n in summarise(g).notes)


def test_shared_and_frozen_weights_are_marked() -> None:
    g = graph(
        "net a:\n  input left 1x8x8\n  input right 1x8x8\n  frozen:\n    @left -> f: fc 4\n  @right -> reuse @f -> add @f\n")
    text, dot = str(summarise(g)), diagram(g).dot
    assert "fc 4 (frozen)" in text and " shared " in text
    assert "weights of f" in dot and "frozen" in dot


def test_summary_in_a_notebook() -> None:
    page = summarise(graph(RESIDUAL))._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 1
    assert "conv 8 3x3 bn relu" in page


# ---------------------------------------------------------------- diagram


def test_a_diagram_has_every_step_once_and_repeats_once() -> None:
    dot = diagram(graph(RESIDUAL)).dot
    assert "×4" in dot and dot.count('label="conv 8 3x3\\nbn · relu') == 2
    assert dot.count("{") == dot.count("}")


def test_skips_are_blue_and_the_backbone_is_not() -> None:
    dot = diagram(graph("net a:\n  input 3x8x8\n  residual: conv 3 3x3 relu\n  fc 2\n")).dot
    assert "input -> add1 [class=skip" in dot
    assert "conv1 -> add1 [class=data" in dot


def test_a_dense_block_is_a_chain() -> None:
    dot = diagram(spec("densenet", "densenet121")).dot
    arcs = re.findall(r" -> ", dot)
    assert len(arcs) < 60  # 58 layers that read all before them are over 600 arcs


def test_diagrams_are_drawn(tmp_path: Path) -> None:
    view = netspec.load_graph(ROOT / "specs" / "resnet.net", "resnet18")
    view.draw(tmp_path / "a.svg")
    view.draw(tmp_path / "b.svg")
    text = (tmp_path / "a.svg").read_text()
    assert text.startswith("<svg") and 'font-weight="bold"' in text and "conv 64 7x7 /2" in text
    assert text == (tmp_path / "b.svg").read_text()
    view.draw(tmp_path / "a.dot", "right")
    assert "rankdir=LR" in (tmp_path / "a.dot").read_text()
    with pytest.raises(UsageError):
        view.draw(tmp_path / "a.jpg")
    assert view._repr_svg_().startswith("<svg")


def test_a_picture_needs_its_extra(tmp_path: Path) -> None:
    view = netspec.load_graph(ROOT / "specs" / "lenet.net")
    try:
        import resvg_py  # noqa: F401
    except ImportError:
        with pytest.raises(UsageError, match=r"netspec-nn\[viz\]"):
            view.draw(tmp_path / "a.png")
    else:
        view.draw(tmp_path / "a.png")
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


# ---------------------------------------------------------------- explain


def test_usage_shows_how_a_step_is_written() -> None:
    assert re.match(r"conv FILTERS WINDOW \[/STRIDE\] \[same\|valid\|same_upper\|same_lower\|pad=\] \[dilation=\] .*\[ACTIVATION\] \[NORM\]$",
                    usage(LAYERS["conv"]))
    assert usage(LAYERS["relu"]) == "relu"
    assert usage(LAYERS["add"]) == "add @NODE ..."


@pytest.mark.parametrize("word", VOCABULARY)
def test_the_language_is_explained_by_nets_that_are_right(word: str) -> None:
    from netspec.elaborate.check import check_module
    from netspec.source import Source
    from netspec.syntax.parser import parse_recovering

    example = VOCABULARY[word][1]
    found = check_module(*parse_recovering(Source("example.net", example, str(ROOT / "specs"))))
    assert not [str(d) for d in found if d.severity != "note" and d.code != "lost-pixels"]
    assert re.search(rf"\b{word}\b", example)


def test_pages_fit() -> None:
    for name in LAYERS:
        page = explain_word(name)
        assert page is not None
        prose = page.partition("\nFormulas of")[0]
        assert all(len(line) <= 130 for line in prose.splitlines()), name
    assert explain_word("nonsense") is None
