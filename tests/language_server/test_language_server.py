"""What an editor asks of a text: places and edits, names, the outline, numbers of lines, hints as edits. No protocol needed."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from netspec.cli import main
from netspec.diagnostics import Diagnostic, NetspecError, UsageError
from netspec.elaborate.tree_to_graph import elaborate
from netspec.language_server import completion, hovering, numbers, outline, pieces
from netspec.language_server.desk import Desk, Document
from netspec.language_server.names import renamed
from netspec.language_server.pieces import formatted, pieces_of
from netspec.language_server.text import Edit, Place, Text, moved_lines
from netspec.layers import LAYERS, Activation
from netspec.source import Source
from netspec.syntax.formatter import format_source
from netspec.syntax.load import specs_folder
from netspec.syntax.parser import parse
from netspec.views.numbers.counts import count

TWO = """# two nets
default conv bn relu
width = 16

block unit(n, stride=1):
  residual:
    conv n 3x3 /stride
    conv n 3x3 linear
  shortcut if stride != 1 or in.channels != n:
    conv n 1x1 /stride linear
  relu

net small(classes=10):
  input 3x32x32
  keep: conv width 3x3
  stage[1]: unit 2*width /2
  head: conv 8 3x3 -> conv width 3x3
  up @keep
  concat @keep @keep
  output aux: avgpool global -> fc classes
  avgpool global
  fc classes

net large = small 100

train small:
  loss cross_entropy @aux
  sgd lr=0.1
  batch 8
"""


def page(text: str, desk: Desk | None = None) -> Document:
    return (desk or Desk()).open("untitled:a", None, text, 1)


def checked(text: str) -> Document:
    d = page(text)
    d.settle(d.check())
    return d


def found_at(d: Document, word: str, nth: int = 0) -> tuple[int, int]:
    """Line and column inside a word."""
    places = [(k, c + 1) for k, line in enumerate(d.text.lines, 1) for c in range(len(line)) if line.startswith(word, c)]
    return places[nth]


# ---------------------------------------------------------------- text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_places_are_counted_in_the_units_of_the_editor(end: str, mark: str) -> None:
    text = Text(mark + end.join(["net é:", "  # 😀 grüße\t!", ""]))
    assert text.lines == ["net é:", "  # 😀 grüße\t!", ""]
    first = {"utf-8": 3, "utf-16": 1, "utf-32": 1}
    for encoding, wide in (("utf-8", 4), ("utf-16", 2), ("utf-32", 1)):
        assert text.place(1, 4 + wide, encoding) == (2, 6)
        assert text.position(2, 6, encoding) == (1, 4 + wide)
        assert text.position(1, 1, encoding) == (0, first[encoding] if mark else 0)
        assert text.place(99, 0, encoding) == (3, 1) and text.place(0, 99, encoding) == (1, 7)
        for line, content in enumerate(text.lines, 1):
            for column in range(1, len(content) + 2):
                assert text.place(*text.position(line, column, encoding), encoding) == (line, column)


def test_half_a_character_is_none() -> None:
    assert Text("😀x").place(0, 1, "utf-16") == (1, 1)


def test_edits_do_what_a_list_of_characters_does() -> None:
    chance = random.Random(3)
    for _ in range(200):
        content = "".join(chance.choice("ab \n\r😀é") for _ in range(chance.randint(0, 12)))
        text = Text(content)
        a, b = sorted((chance.randint(1, len(text.lines)), chance.randint(1, 9)) for _ in range(2))
        (l1, c1), (l2, c2) = ((line, min(column, len(text.line(line)) + 1)) for line, column in (a, b))
        if (l1, c1) > (l2, c2):
            continue
        starts = [0]
        at = 0
        while at < len(content):  # an oracle of its own: what ends a line, character by character
            step = 2 if content.startswith("\r\n", at) else 1
            if content[at] in "\r\n":
                starts.append(at + step)
            at += step
        want = content[: starts[l1 - 1] + c1 - 1] + "new" + content[starts[l2 - 1] + c2 - 1 :]
        assert text.replaced((l1, c1), (l2, c2), "new").content == want


def test_edits_towards_other_lines_lead_there_and_leave_the_rest() -> None:
    chance = random.Random(5)
    for _ in range(300):
        old = [chance.choice(["a", "b", "  c", ""]) for _ in range(chance.randint(1, 6))]
        new = [chance.choice(["a", "b", "  c", ""]) for _ in range(chance.randint(1, 6))]
        for end in ("\n", "\r\n"):
            text = Text(end.join(old))
            after = text.with_edits(text.towards(new))
            assert after.lines == new and (len(old) == 1 or after.content == end.join(new))
    assert Text("a\nnet  b\nc").towards(["a", "net b", "c"]) == [Edit(Place(2, 5, 2, 6), "")]


def test_lines_that_stayed_are_found_where_they_are_now() -> None:
    assert moved_lines(["a", "b", "c", "d"], ["a", "x", "c", "y", "d"]) == {1: 1, 3: 3, 4: 5}


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(("word", "nth", "places"), [
    ("keep", 0, [(15, 3), (18, 7), (19, 11), (19, 17)]), ("unit", 0, [(5, 7), (16, 13)]),
    ("width", 0, [(3, 1), (15, 14), (16, 20), (17, 28)]),
    ("stride", 0, [(5, 15), (7, 17), (9, 15), (10, 17), (16, 26)]), ("small", 0, [(13, 5), (24, 13), (26, 7)]),
    ("classes", 0, [(13, 11), (20, 36), (22, 6)]), ("aux", 0, [(20, 10), (27, 23)])])
def test_a_name_is_found_everywhere_from_everywhere(word: str, nth: int, places: list[tuple[int, int]]) -> None:
    d = page(TWO)
    for place in places:
        o = d.page.at(*place)
        assert o is not None
        assert [x.place[:2] for x in d.page.all_of(o.meant)] == places
        assert [p[:2] for p in o.meant.places] == places[:1]


def test_names_inside_what_is_called_and_of_scopes() -> None:
    d = page("block f:\n  x: conv 8 3x3\n  relu\n\nnet a:\n  input 1x8x8\n  s:\n    x: conv 8 3x3\n    relu\n  g: f\n"
             "  add @g.x\n  add @s.x\n  f upto x\n\nnet b:\n  input 1x8x8\n  f upto x\n")
    found = [d.page.at(*place) for place in ((11, 10), (12, 10), (17, 10))]
    assert [o and o.meant.places[0].line for o in found] == [2, 8, 2]


@pytest.mark.parametrize("spec", ["unet.net", "googlenet.net", "inception_v4.net", "yolo.net", "mvcnn.net"])
def test_a_long_piece_is_read_in_parts_to_the_same_names(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (specs_folder() / spec).read_text(encoding="utf-8")

    def all_names() -> list[object]:
        return [(o.place, o.meant.name, o.meant.places, o.defines) for o in page(text).page.occurrences()]

    whole = all_names()
    monkeypatch.setattr(pieces, "LONG", 2)
    monkeypatch.setattr(pieces, "PART", 2)
    assert any(len(p.content.cut) > 2 for p in page(text).page.pieces)
    assert all_names() == whole and len(whole) > 5


def test_options_of_calls_are_the_parameters_of_what_is_called() -> None:
    d = page("net a(n=2):\n  input left 1x8x8\n  fc n\n\nnet b = a n=3\n\nnet c:\n  input 1x8x8\n  a n=4\n")
    o = d.page.at(5, 11)
    assert o is not None and [x.place[:2] for x in d.page.all_of(o.meant)] == [(1, 7), (3, 6), (5, 11), (9, 5)]


def test_a_renamed_net_is_the_same_net() -> None:
    """Each name of a spec gets another one; what is made stays as it is, names apart."""
    for spec, net in ((TWO, "small"), ((specs_folder() / "unet.net").read_text(encoding="utf-8"), "unet")):
        d = page(spec)
        before = elaborate(parse(d.source), net)
        done = 0
        for o in [o for o in d.page.occurrences() if o.defines]:
            if o.meant.found[0][1].sort in ("shortcut", "input") or o.meant.name == "stride":
                continue
            edits = renamed([d.page], o.meant, "zzz")[d.name]
            after = d.text.with_edits(edits)
            own = "zzz" if o.meant.name == net and o.meant.shared else net
            graph = elaborate(parse(Source("a", after.spec)), own)
            assert [str(n.op).replace("zzz", o.meant.name) for n in graph] == [str(n.op) for n in before]
            assert len(after.spec) - len(spec) == len(edits) * (3 - len(o.meant.name))
            done += 1
        assert done > 5


def test_names_that_are_taken_or_none_are_refused() -> None:
    d = page(TWO)
    o = d.page.at(*found_at(d, "keep"))
    assert o is not None
    stride = d.page.at(5, 15)
    assert stride is not None
    with pytest.raises(UsageError, match="`/` sets"):
        renamed([d.page], stride.meant, "step")
    for new in ("head", "aux", "net", "7up", "a b", ""):
        with pytest.raises(UsageError):
            renamed([d.page], o.meant, new)


def test_a_name_that_a_step_has_by_itself_is_refused() -> None:
    d = page("net a:\n  input 8x8x8\n  conv 8 3x3\n  x: conv 8 3x3\n  add @x\n  add @conv1\n  fc 2\n")
    o = d.page.at(4, 3)
    assert o is not None
    wrong = d.broken_by(renamed([d.page], o.meant, "conv1"))
    assert wrong is not None and wrong.code == "duplicate-name"
    assert d.broken_by(renamed([d.page], o.meant, "y")) is None


def test_imports_lead_to_their_files() -> None:
    d = page('import vgg16 from "vgg.net"\n\nnet a:\n  input 3x224x224\n  vgg16 upto stage5\n  fc 10\n')
    o = d.page.at(5, 4)
    assert o is not None and o.meant.page.where == str(specs_folder().resolve() / "vgg.net")
    inner = d.page.at(5, 15)
    assert inner is not None and inner.meant.page is o.meant.page
    assert not d.desk.may_write(o.meant.page)


def test_a_file_beside_it_is_renamed_with_it(tmp_path: Path) -> None:
    (tmp_path / "parts.net").write_text("block unit:\n  relu\n", encoding="utf-8")
    desk = Desk()
    text = 'import unit from "parts.net"\nnet a:\n  input 8\n  unit\n  fc 2\n'
    d = desk.open("file:///main", str(tmp_path / "main.net"), text, 1)
    o = d.page.at(4, 4)
    assert o is not None
    edits = renamed(desk.pages_with(d, o.meant), o.meant, "part")
    assert edits == {str(tmp_path / "parts.net"): [Edit(Place(1, 7, 1, 11), "part")],
                     str(tmp_path / "main.net"): [Edit(Place(1, 8, 1, 12), "part"), Edit(Place(4, 3, 4, 7), "part")]}


# ---------------------------------------------------------------- outline, formatting


def test_the_outline_and_what_folds() -> None:
    d = page(TWO)
    found = outline.symbols(d.page, d.text)
    assert [(s.name, s.sort) for s in found] == [("width", "constant"), ("unit", "block"), ("small", "net"), ("large", "net"),
                                                 ("train small", "train")]
    assert [s.name for s in found[2].inside] == ["classes", "input", "keep", "stage", "head", "aux"]
    assert (5, 11, "region") in outline.folds(d.text.lines) and (9, 10, "region") in outline.folds(d.text.lines)


def test_a_page_formatted_piece_by_piece_is_the_page_formatted() -> None:
    chance = random.Random(7)
    texts = [p.read_text(encoding="utf-8") for p in sorted(specs_folder().glob("*.net"))]
    tried = 0
    for _ in range(60):
        lines = chance.choice(texts).split("\n")
        for _ in range(chance.randint(0, 6)):
            new = chance.choice(["", "# c", "  # c", "    # c", "k7 = 3", "net zz = a  3"])
            lines.insert(chance.randrange(len(lines) + 1), new)
        text = "\n".join(lines)
        try:
            want = format_source(Source("a", text))
        except NetspecError:
            continue
        tried += 1
        assert formatted(pieces_of(Text(text)), {}) == want.split("\n")
    assert tried > 20


# ---------------------------------------------------------------- numbers


def test_each_line_has_the_numbers_of_what_it_made() -> None:
    d = checked(TWO)
    runs = d.runs()
    assert numbers.hint(runs[15]) == "-> 16x32x32 · 464 · 442 k"  # 16*3*9 + 32 of bn; 16*27*32*32
    [small, large] = runs[16]
    assert (small.shape, small.parameters) == ("32x16x16", 16 * 32 * 9 + 64 + 32 * 32 * 9 + 64 + 16 * 32 + 64)
    assert {r.net for r in runs[7]} == {"small", "large"} and runs[7][0].path == "stage1.conv1"
    assert runs[22][1].parameters > runs[22][0].parameters and large.net == "large"
    graph = elaborate(parse(d.source), "small")
    own = [r for line, found in runs.items() for r in found if r.net == "small" and line >= 13]
    assert sum(r.parameters for r in own) == count(graph).totals.parameters
    assert sum(r.macs or 0 for r in own) == count(graph).totals.macs


@pytest.mark.parametrize("spec", ["resnet.net", "googlenet.net", "siamese.net", "unet_recursive.net", "wavenet.net"])
def test_the_lines_of_a_net_have_all_its_parameters(spec: str) -> None:
    source = Source(spec, (specs_folder() / spec).read_text(encoding="utf-8"), str(specs_folder()))
    module = parse(source)
    from netspec.elaborate.nets import callable_nets

    net = callable_nets(module)[0].name
    graph = elaborate(module, net)
    n = numbers.numbers(graph, spec, source.lines)
    first = min(line for line, runs in n.lines.items() if any(r.path == graph.inputs[0].name for r in runs))
    outer = [r for line, runs in n.lines.items() if line >= first for r in runs]
    assert sum(r.parameters for r in outer) == count(graph).totals.parameters


def test_short_numbers_have_three_digits_at_most() -> None:
    cases = {0: "0", 999: "999", 1000: "1 k", 36_992: "37 k", 99_949: "99.9 k", 99_950: "100 k", 115_605_504: "116 M",
             25_557_032: "25.6 M", 4_089_184_256: "4.1 G", 7_500_000_000_000: "7.5 T"}
    assert {n: numbers.short(n) for n in cases} == cases


def test_turns_of_a_loop_are_runs_and_a_loop_on_one_line_is_one() -> None:
    d = checked("net a:\n  input 8x8x8\n  repeat 3:\n    conv 8 3x3\n  repeat 2: conv 8 1x1\n  fc 2\n")
    assert numbers.hint(d.runs()[4]) == "-> 8x8x8 · 584 · 36.9 k" and len(d.runs()[4]) == 3
    [once] = d.runs()[5]
    assert once.parameters == 2 * 72


def test_a_broken_page_keeps_the_last_good_numbers_of_lines_that_did_not_change() -> None:
    d = checked(TWO)
    before = d.runs()
    lines = TWO.split("\n")
    lines[14] = "  keep: cnov width 3x3"
    lines.insert(0, "# more")
    d.write(Text("\n".join(lines)), 2)
    d.settle(d.check())
    after = d.runs()
    assert 16 not in after and after[17] == before[16] and after[8] == before[7]
    d.write(Text("net a:\n  input 4\n  fc 2\n"), 3)
    d.settle(d.check())
    assert sorted(d.runs()) == [2, 3] and {r.net for found in d.runs().values() for r in found} == {"a"}


def test_a_net_that_was_wrong_from_the_start_has_the_numbers_of_what_depends_on_no_mistake() -> None:
    text = ("net a:\n  input 3x8x8\n  x: conv 4 3x3\n  pool 2x2\n  conv 8 3x3\n  @x\n  conv 2 1x1\n\n"
            "net b:\n  input 8\n  fc 4\ntrain b:\n  loss cross_entrop\n")
    d = checked(text)
    assert {line: numbers.hint(runs) for line, runs in d.runs().items()} == {
        2: "-> 3x8x8", 3: "-> 4x8x8 · 112 · 6.9 k", 7: "-> 2x8x8 · 10 · 512", 10: "-> 8", 11: "-> 4 · 36 · 32"}
    assert "x" in d.made_by(range(1, 5)) and not d.numbers
    d.write(Text(text.replace("pool 2x2", "maxpool 2").replace("entrop\n", "entropy\n")), 2)
    d.settle(d.check())
    assert not d.parts and numbers.hint(d.runs()[5]).startswith("-> 8x4x4")
    d.write(Text(d.text.content.replace("conv 8", "cnov 8").replace("conv 4 3x3", "conv 6 3x3")), 3)
    d.settle(d.check())  # what is known now, else what was
    assert numbers.hint(d.runs()[3]).startswith("-> 6x8x8") and 5 not in d.runs() and d.runs()[7]


def test_a_step_without_a_label_is_found_by_its_kind_and_number() -> None:
    d = checked("block f:\n  conv 8 3x3\n  relu\n  add @conv1\n\n"
                "net a:\n  input 8x8x8\n  conv 8 3x3\n  f\n  add @conv1\n  add @f1\n  fc 2\n")
    assert [d.unlabelled(4, 9), d.unlabelled(10, 9), d.unlabelled(11, 9)] == [2, 8, 9]
    assert d.referring(8) == [Place(10, 8, 10, 13)] and d.referring(9) == [Place(11, 8, 11, 10)]
    assert d.step_at(9) == Place(9, 3, 9, 4)


# ---------------------------------------------------------------- completion, hover


@pytest.mark.parametrize(("line", "wanted", "not_wanted"), [
    ("  ", {"conv", "unit", "residual", "skip"}, {"sgd", "cross_entropy"}),
    ("  con", {"conv", "concat"}, set()),
    ("  conv ", {"groups=", "same", "bn", "relu", "width", "classes", "init="}, {"sgd", "kernel="}),
    ("  x: conv 8 3x3 -> ", {"conv", "unit"}, {"groups="}),
    ("  conv 8 3x3 bias=", {"yes", "no"}, {"groups="}),
    ("  unit ", {"n=", "stride="}, {"groups="}),
    ("  concat @", {"keep", "head", "input"}, {"conv", "classes="}),
    ("  expect in.", {"channels", "shape"}, {"conv"}),
    ("  default ", {"conv", "fc"}, {"residual"}),
    ("  repeat ", {"width"}, {"conv"}),
    ("  # con", set(), {"conv"}),
])
def test_completion_in_a_body(line: str, wanted: set[str], not_wanted: set[str]) -> None:
    lines = TWO.split("\n")
    lines.insert(20, line)
    d = page("\n".join(lines))
    found = {i.label for i in completion.complete(d.page, d.text, 21, len(line) + 1).items}
    assert wanted <= found and not found & not_wanted


@pytest.mark.parametrize(("line", "wanted", "not_wanted"), [
    ("  ", {"loss", "sgd", "adam", "schedule", "epochs"}, {"conv", "cross_entropy"}),
    ("  loss ", {"cross_entropy", "mse"}, {"conv", "sgd"}),
    ("  schedule ", {"cosine", "step"}, {"mse"}), ("  metric ", {"accuracy"}, {"mse"}),
    ("  augment ", {"flip", "crop"}, {"conv"}), ("  data ", {"digits", "images"}, {"conv"}),
    ("  prepare ", {"standardise"}, set()),
    ("  sgd ", {"lr=", "momentum="}, {"groups="}), ("  loss cross_entropy @", {"aux", "keep"}, {"conv"}),
    ("  precision ", {"exact"}, set()),
])
def test_completion_in_a_train_section(line: str, wanted: set[str], not_wanted: set[str]) -> None:
    d = page(TWO + line)
    found = {i.label for i in completion.complete(d.page, d.text, len(d.text.lines), len(line) + 1).items}
    assert wanted <= found and not found & not_wanted


def test_completion_at_the_edge_and_behind_references() -> None:
    d = page(TWO + "\ntrain ")
    assert {i.label for i in completion.complete(d.page, d.text, len(d.text.lines), 7).items} == {"small", "large"}
    d = page('import a from "vg')
    assert "vgg.net" in {i.label for i in completion.complete(d.page, d.text, 1, 18).items}
    d = checked(TWO)
    d.write(Text(TWO.replace("  concat @keep @keep", "  concat @")), 2)
    made = completion.complete(d.page, d.text, 19, 11, d.made_by)
    assert "stage[" in {i.label for i in made.items} and made.place == Place(19, 11, 19, 11)
    d.write(Text(TWO.replace("  concat @keep @keep", "  concat @head.")), 2)
    assert {"conv1", "conv2"} <= {i.label for i in completion.complete(d.page, d.text, 19, 16, d.made_by).items}


def test_what_is_inside_of_a_step_is_offered_and_files_beside_the_page(tmp_path: Path) -> None:
    text = ("block f:\n  conv 8 3x3 bn\n\nnet a:\n  input 8x8x8\n  lab: conv 8 3x3 bn relu\n  conv 8 3x3 bn\n  f\n"
            "  add HERE\n  fc 2\n")
    for begun, wanted in (("@lab.", {"raw", "bn", "relu"}), ("@conv2.", {"raw", "bn"}), ("@f1.", {"conv1"}),
                          ("@f1.conv1.", {"raw", "bn"}), ("@", {"lab", "conv2", "f1", "input"})):
        d = checked(text.replace("HERE", begun))
        found = completion.complete(d.page, d.text, 9, 7 + len(begun), d.made_by)
        assert {i.label for i in found.items} == wanted, begun
        for word in wanted:  # each of them is a reference
            assert not checked(text.replace("HERE", f"{begun}{word}")).checked.found  # type: ignore[union-attr]
    (tmp_path / "sub").mkdir()
    for name in ("mine.net", "train.npz", "w.pth", "odd.txt", "sub/more.npz"):
        (tmp_path / name).write_bytes(b"")
    for line, wanted in (('  data "', {"sub/", "train.npz"}), ('  data "sub/', {"sub/more.npz"}), ('  data "../', set()),
                         ('import a from "m', {"mine.net", "sub/"}), ('  big weights="', {"w.pth", "train.npz", "sub/"})):
        d = Desk().open("file:///a", str(tmp_path / "a.net"), line, 1)
        items = completion.complete(d.page, d.text, 1, len(line) + 1).items
        assert {i.label for i in items if i.detail != "comes with netspec"} == wanted, line


def test_hover_is_explain_with_the_numbers_of_the_place() -> None:
    d = checked(TWO)
    said = hovering.hover(d.page, d.text, 15, 10, d.runs())
    assert said is not None and "conv: a layer" in said.text and "464 parameters, 442,368 MACs" in said.text
    assert said.place == Place(15, 9, 15, 13)
    block = hovering.hover(d.page, d.text, 16, 13, d.runs())
    assert block is not None and "block unit(n, stride=1)" in block.text and "32x16x16" in block.text
    node = hovering.hover(d.page, d.text, 19, 11, d.runs())
    assert node is not None and "label, line 15" in node.text and "464 parameters" in node.text  # of what is referred to
    step = hovering.hover(d.page, d.text, 19, 11, d.runs(), 14)
    assert step is not None and "input 3x32x32" in step.text
    assert hovering.hover(d.page, d.text, 1, 4, {}) is None


def test_a_page_reads_what_a_spec_may(tmp_path: Path) -> None:
    """A page that is opened leads to no file outside its folder, and nothing in its folder is run."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "out.net").write_text("block unit:\n  relu\n", encoding="utf-8")
    (inside / "words.py").write_text("raise SystemExit('run')\n", encoding="utf-8")
    (inside / "link.net").symlink_to(tmp_path / "out.net")
    desk = Desk()
    for path in ("../out.net", str(tmp_path / "out.net"), "link.net"):
        d = desk.open("file:///a", str(inside / "a.net"), f'import unit from "{path}"\nnet a:\n  input 8\n  unit\n  fc 2\n', 1)
        assert desk.imported(d, path) is None
        assert [x.code for x in d.check().found] == ["missing-file"]
        o = d.page.at(4, 4)
        assert o is not None and o.meant.found[0][1].sort == "import"


def test_words_of_a_users_own_are_offered_and_explained() -> None:
    class Gate(Activation):
        """Lets through what it lets through."""

        def forward(self, b: Any, *inputs: str, **parameters: str) -> str:
            return inputs[0]

    try:
        d = page("net a:\n  input 8\n  gate\n  fc 2\n")
        assert not d.check().found
        assert "gate" in {i.label for i in completion.complete(d.page, d.text, 3, 4).items}
        said = hovering.hover(d.page, d.text, 3, 4, {})
        assert said is not None and "Lets through" in said.text
    finally:
        del LAYERS["gate"]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for module in ("pygls", "lsprotocol"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "netspec.language_server.server", raising=False)
    monkeypatch.delitem(sys.modules, "netspec.language_server.serving", raising=False)
    assert main(["lsp"]) == 2
    assert "pip install 'netspec-nn[lsp]'" in capsys.readouterr().err


# ---------------------------------------------------------------- hints as edits


def mistakes(d: Document) -> list[Diagnostic]:
    return [x for x in d.check().found if x.severity == "error"]


@pytest.mark.parametrize(("wrong", "mended"), [
    (TWO.replace("avgpool global\n  fc", "avgpol global\n  fc"), TWO),
    (TWO.replace("/2\n", "/0\n"), None),
    (TWO.replace("sgd lr", "sdg lr"), TWO),
    (TWO.replace("@keep @keep", "@keep @kepe"), TWO),
    (TWO.replace("loss cross_entropy", "loss cross_entropi"), TWO),
    ("net a:\n  input 64x32x32\n  residual:\n    conv 128 3x3\n  fc 10\n",
     "net a:\n  input 64x32x32\n  residual:\n    conv 128 3x3\n  shortcut: conv 128 1x1 linear\n  fc 10\n"),
    ("net a:\r\n  input 8x8x8\r\n  maxpol 2  # smaller\r\n", "net a:\r\n  input 8x8x8\r\n  maxpool 2  # smaller\r\n"),
])
def test_a_hint_is_an_edit_after_which_the_mistake_is_gone(wrong: str, mended: str | None) -> None:
    d = page(wrong)
    [first, *_] = mistakes(d)
    offered = d.mendings(first)
    if mended is not None:
        assert mended in {d.text.with_edits(m.edits).content for m in offered}
    for m in offered:
        after = page(d.text.with_edits(m.edits).content)
        assert len(mistakes(after)) < len(mistakes(d))
