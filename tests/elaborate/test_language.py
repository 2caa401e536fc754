"""The rulings of the language: what is allowed, what is refused, and what things are called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest

from netspec import compile, load_graph
from netspec.diagnostics import Diagnostic, SpecError, UsageError
from netspec.elaborate.check import check_module
from netspec.elaborate.nets import callable_nets
from netspec.elaborate.tree_to_graph import elaborate
from netspec.ir.graph import Graph
from netspec.ir.types import shape_of
from netspec.source import Source
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse, parse_recovering
from sweeps import one_of_each, the_first

SPECS = specs_folder()
HEAD = "net a:\n  input 4x16x16\n"


def check_file(path: Path) -> list[Diagnostic]:
    return check_module(*parse_recovering(read_source(path)))


def graph(text: str, net: str | None = None, **options: Any) -> Graph:
    return elaborate(parse(Source("t.net", text, str(SPECS))), net, **options).verify()


def steps(*lines: str, head: str = HEAD) -> Graph:
    return graph(head + "".join(f"  {line}\n" for line in lines))


def findings(text: str) -> list[Diagnostic]:
    return check_module(*parse_recovering(Source("t.net", text, str(SPECS))))


def errors(*lines: str, head: str = HEAD) -> list[str]:
    return [d.code for d in findings(head + "".join(f"  {line}\n" for line in lines)) if d.severity == "error"]


def names(g: Graph) -> list[str]:
    return [n.name for n in g.nodes]


def parameters(g: Graph) -> list[str]:
    return [p.name for p in g.parameters]


def out(g: Graph) -> str:
    return str(g.values[dict(g.outputs)["out"]].type)


# ---------------------------------------------------------------- the shipped specs

KNOWN = {
    "lenet5": 61706, "alexnet": 60965224, "vgg11": 132863336, "vgg13": 133047848, "vgg16": 138357544, "vgg19": 143667240,
    "resnet18": 11689512,
    "resnet34": 21797672, "resnet50": 25557032, "resnet101": 44549160, "resnet152": 60192808, "resnext50": 25028904,
    "resnext101": 88791336,
    "densenet121": 7978856, "densenet169": 14149480, "densenet201": 20013928, "densenet161": 28681000, "inception_v3": 23834568,
    "voxnet": 921736,
    "wrn28_10": 36479194, "googlenet": 13378280, "unet": 31030658, "mlp": 266610, "zfnet": 62357608, "fcn8s": 134362751,
}
ALL = [(path.name, item.name) for path in sorted(SPECS.glob("*.net")) for item in callable_nets(parse(read_source(path)))]


@pytest.mark.parametrize(("file", "net"), one_of_each(ALL, lambda file, net: net if net in KNOWN else file))
def test_every_spec_has_its_count(file: str, net: str) -> None:
    g = elaborate(parse(read_source(SPECS / file)), net).verify()
    learned = sum(p.size for p in g.parameters if p.kind != "buffer")
    assert learned == KNOWN.get(net, learned)


@pytest.mark.parametrize("file", the_first(8, (p.name for p in sorted(SPECS.glob("*.net")))))  # test_docs.py checks them all
def test_no_spec_has_a_mistake(file: str) -> None:
    assert [d for d in check_file(SPECS / file) if d.severity == "error"] == []


def test_frozen_trunk_and_file() -> None:
    g = elaborate(parse(read_source(SPECS / "flowers.net")))
    frozen = [p for p in g.parameters if not p.trainable]
    assert frozen
    assert all(p.name.startswith("vgg16_1.") and p.file and p.within == "vgg16_1" for p in frozen)
    assert sum(p.size for p in g.parameters if p.trainable) == 6448998
    assert all(n.name.endswith("fc1") or n.parameters[0].trainable or ("frozen", True) in n.attrs for n in g if n.parameters)
    assert elaborate(parse(read_source(SPECS / "flowers.net")), parameters={"weights": "none"}).parameters[0].file is None


# ---------------------------------------------------------------- names


def test_names_count_kinds_and_switches_live_below() -> None:
    g = steps("conv 8 3x3 bn relu", "conv 8 3x3", "relu", "stage: conv 8 3x3 -> conv 8 3x3", "x: conv 8 3x3 relu", "conv 8 3x3")
    assert names(g) == ["input", "conv1", "conv1.bn", "conv1.relu", "conv2", "relu1", "stage.conv1", "stage.conv2", "x", "x.relu",
                        "conv4"]
    assert parameters(g)[:5] == ["conv1.weight", "conv1.bn.weight", "conv1.bn.bias", "conv1.bn.mean", "conv1.bn.var"]


def test_batch_norm_renames_nothing_else() -> None:
    plain, normed = steps("conv 8 3x3 relu", "conv 8 3x3 relu"), steps("conv 8 3x3 bn relu", "conv 8 3x3 relu")
    assert [n for n in names(normed) if ".bn" not in n] == names(plain)


def test_final_and_raw_value_of_a_step() -> None:
    g = steps("conv 8 3x3 bn relu", "conv 8 3x3 -> add @conv1", "add @conv1.raw", "add @conv1.bn")
    assert [n.inputs[1] for n in g if n.op.__class__.__name__ == "Add"] == ["conv1.relu", "conv1", "conv1.bn"]


def test_a_label_on_a_single_call_is_one_scope() -> None:
    text = (
        "block unit(n):\n  conv n 3x3\n  residual: conv n 3x3\n  shortcut: conv n 1x1\n  residual: conv n 3x3\n  shortcut: conv n 1x1\n")
    flat = graph(text + HEAD + "  u: unit 8\n  unit 8\n")
    assert "u.shortcut.conv1" in names(flat)
    assert "u.shortcut2.conv1" in names(flat)
    assert "unit2.conv1" in names(flat)
    suite = graph(text + HEAD + "  u:\n    unit 8\n")
    assert "u.conv1" in names(suite)


def test_kinds_that_end_in_a_digit() -> None:
    assert "b2_1.conv1" in names(graph("block b2:\n  conv 4 3x3\n" + HEAD + "  b2\n"))


def test_numbered_labels() -> None:
    g = steps("repeat 3 as i:", "  layer[i]: conv 4 3x3", "for k in 1..2:", "  for n in [4, 8]: head[k+n]: conv n 1x1")
    assert [n for n in names(g) if "." not in n][1:4] == ["layer1", "layer2", "layer3"]
    assert "duplicate-name" in errors("repeat 2:", "  layer: conv 4 3x3")


def test_duplicates_are_errors() -> None:
    assert "duplicate-name" in errors("x: conv 4 3x3", "x: conv 4 3x3")
    assert "duplicate-name" in errors("output o: fc 3", "output o: fc 3")
    assert "duplicate-definition" in errors("fc 3", head="net a:\n  input 3\n  fc 1\n" + HEAD)
    assert "duplicate-option" in errors("conv 4 3x3 groups=2 groups=2")
    assert "duplicate-definition" in [d.code for d in findings("block f(n, n):\n  conv n 3x3\n" + HEAD + "  f 1 2\n")]


def test_output_taps_may_carry_the_name_of_their_node() -> None:
    g = steps("mid: conv 4 3x3", "output mid", "conv 4 3x3 -> output end")
    assert g.outputs == (("mid", "mid"), ("end", "conv2"))


# ---------------------------------------------------------------- flow and structure


def test_outputs_and_the_implicit_out() -> None:
    assert steps("fc 3").outputs == (("out", "fc1"),)
    assert steps("output a: fc 3", "fc 2").outputs == (("a", "a"), ("out", "fc2"))
    assert [n for n, _ in steps("for k in 1..2:", "  output o[k]: fc 2").outputs] == ["o1", "o2"]
    assert steps("fc 3", "if no: output x").outputs == (("out", "fc1"),)


@pytest.mark.parametrize(("condition", "holds"), [
    ("yes == yes", True), ("yes == no", False), ("yes == 1", False), ("1 == yes", False), ("no == 0", False), ("0 != no", True),
    ("1 == 1.0", True), ("3 < 3", False), ("3 <= 3", True), ("3 > 3", False), ("3 >= 3", True), ("2 < 3", True), ("3 > 2", True),
    ("1^100 == 1", True), ("2^39 == 549755813888", True), ("2^-2 == 0.25", True), ("-7 % 3 == 2", True), ("6/3 == 2", True),
])
def test_conditions_hold_as_in_arithmetic(condition: str, holds: bool) -> None:
    """`yes` and `no` are no numbers, and a comparison is exact on its edge."""
    assert ("relu1" in steps(f"if {condition}: relu", "fc 3").by_name) == holds


@pytest.mark.parametrize("lines", ["@first", "relu", "called", "if yes: relu", "repeat 2: relu", "input late 2x8x8",
                                   "residual:&  conv 4 3x3&  output b", "dense:&  conv 4 3x3&  output b",
                                   "add:&  | conv 4 3x3&  | skip -> output b", "called:&  | conv 3 3x3 -> output b"])
def test_what_follows_an_output_has_an_output_of_its_own(lines: str) -> None:
    """Also where its own last line is one: of a body, of a branch, of a called net."""
    body = "".join(f"  {line}\n" for line in ("first: conv 4 3x3", "output a: fc 3", *lines.split("&")))
    g = graph("net called:\n  input 4x16x16\n  relu\n  output c\n\n" + HEAD + body, "a")
    assert g.outputs[-1][0] == "out"
    assert g.outputs[-1][1] != "a"


def test_side_branch_leaves_the_flow() -> None:
    g = steps("conv 4 3x3", "output aux: conv 2 1x1 -> fc 3", "conv 8 3x3")
    assert g.by_name["conv2"].inputs == ("conv1",)


def test_dense_is_flattened() -> None:
    g = steps("repeat 3:", "  dense: conv 2 3x3")
    assert [len(n.inputs) for n in g if n.name.startswith("concat")] == [2, 3, 4]
    assert out(g) == "N x 10x16x16"


def test_residual_default_and_conditional_shortcut() -> None:
    text = "block u(n, s=1):\n  residual: conv n 3x3 /s\n  shortcut if s != 1 or in.channels != n: conv n 1x1 /s\n"
    g = graph(text + HEAD + "  u 4\n  u 8 2\n")
    assert g.by_name["u1.add1"].inputs == ("u1.conv1", "input")
    assert g.by_name["u2.add1"].inputs == ("u2.conv1", "u2.shortcut.conv1")
    assert "residual-mismatch" in errors("residual: conv 8 3x3")


def test_a_labelled_residual_has_its_shortcut_below() -> None:
    short = steps("x: residual: conv 8 3x3", "shortcut: conv 8 1x1", "for k in 1..2:", "  y[k]: residual: conv 8 3x3",
                  "  shortcut if no: conv 8 1x1")
    long = steps("x:", "  residual: conv 8 3x3", "  shortcut: conv 8 1x1", "for k in 1..2:", "  y[k]:",
                 "    residual: conv 8 3x3", "    shortcut if no: conv 8 1x1")
    assert names(short) == names(long)
    assert "x.shortcut.conv1" in names(short)
    assert "y2.add1" in names(short)
    outer = steps("residual: w: residual: conv 4 3x3", "shortcut: conv 4 1x1")
    assert "shortcut.conv1" in names(outer), "below two on one line it is that of the first"


def test_merges_in_the_order_written() -> None:
    g = steps("x: conv 2 3x3", "concat:", "  | @x", "  | conv 4 3x3", "    relu", "  | skip")
    assert g.by_name["concat1"].inputs == ("x", "relu1", "x")
    assert steps("x: conv 2 3x3", "conv 4 3x3 -> concat @x").by_name["concat1"].inputs == ("conv2", "x")
    assert out(steps("concat: ", "  | conv 4 3x3", "  |", "    conv 2 3x3")) == "N x 6x16x16"


def test_a_block_of_several_inputs_merges() -> None:
    text = "net two:\n  input a 4x8x8\n  input b 4x8x8\n  @a -> concat @b -> conv 3 1x1\n"
    g = graph(text + HEAD + "  two:\n    | conv 4 3x3\n    | conv 4 1x1\n", "a")
    assert out(g) == "N x 3x16x16"
    g = graph(text + HEAD + "  x: conv 4 3x3\n  two b=@x\n", "a")
    assert g.by_name["two1.concat1"].inputs == ("x", "x")


def test_crop_cuts_the_flow_to_the_reference() -> None:
    g = steps("x: conv 2 3x3 valid", "@input -> conv 4 3x3 -> crop @x")
    assert g.by_name["crop1"].inputs == ("conv2", "x") and out(g) == "N x 4x14x14"
    assert out(steps("x: conv 2 9x9 valid", "@input -> crop @x offset=8")) == "N x 4x8x8"
    assert "shape-mismatch" in errors("x: conv 2 9x9 valid", "@input -> crop @x offset=9")
    # As it once read, the flow was the smaller one: the hint says what to write instead.
    for line, hint in (("conv 4 3x3 valid -> crop @x", "@x -> crop @conv2"),
                       ("y: conv 4 3x3 valid -> conv 4 1x1\n  crop @x offset=2", "@x -> crop @y offset=2")):
        text = HEAD + f"  x: conv 2 3x3\n  {line}\n"
        (d,) = findings(text)
        assert (d.code, d.hint) == ("shape-mismatch", hint)
        assert findings(text.replace(line[line.index("crop"):], hint)) == []
        assert out(graph(text.replace(line[line.index("crop"):], hint))) == "N x 2x14x14"


def test_a_merge_with_crop_cuts_every_value_to_the_smallest() -> None:
    g = steps("x: conv 2 3x3", "conv 4 3x3 valid -> concat @x crop")
    assert g.by_name["crop1"].inputs == ("x", "conv2") and out(g) == "N x 6x14x14"
    g = steps("x: conv 2 3x3 valid", "@input -> concat @x crop")  # the flow is the larger one
    assert g.by_name["crop1"].inputs == ("input", "x") and out(g) == "N x 6x14x14"
    for merge in ("add", "sub", "mul", "max", "mean"):  # and where no value is the smallest on both axes
        g = steps("x: conv 4 1x5 valid", f"@input -> conv 4 3x1 valid -> {merge} @x @input crop")
        assert out(g) == "N x 4x14x12"
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 9))
    text = (
        "net a:\n  input 3x7x9\n  concat crop:\n    | pad [(0, 0), (1, 2)]\n    | pad [(2, 3), (0, 0)] -> channels 0..1\n    | crop [(1, 0), (0, 1)]\n")
    got = compile(text=text, device="reference", dtype="float64").predict(x)
    wide, high = np.pad(x, [(0, 0), (0, 0), (0, 0), (1, 2)]), np.pad(x, [(0, 0), (0, 0), (2, 3), (0, 0)])[:, :2]
    # 7 - 6 and 9 - 8 are odd: the end loses one more
    want = np.concatenate([wide[:, :, :6, 2:10], high[:, :, 3:9, :8], x[:, :, 1:, :8]], 1)
    assert np.array_equal(got, want)
    # Sizes left open are cut when they are known.
    text = "net a:\n  input 3x?x?\n  x: conv 8 3x3 valid\n  @input -> concat @x crop\n"
    assert load_graph(text=text,
                      input="3x9x8").outputs == {"out": (11, 7, 6)} and load_graph(text=text).outputs == {"out": (11, None, None)}


def test_references_are_lexical() -> None:
    assert "missing-reference" in errors("f", head="block f:\n  conv 4 3x3 -> add @x\n" + HEAD + "  x: conv 4 3x3\n")
    g = graph("block f(skip):\n  conv 4 3x3 -> add @skip\n" + HEAD + "  x: conv 4 3x3\n  f @x\n")
    assert g.by_name["f1.add1"].inputs == ("f1.conv1", "x")
    assert "missing-reference" in errors("add @later", "later: conv 4 3x3")


def test_blocks_take_layers_and_blocks() -> None:
    text = (
        "block unit(n): conv n 3x3\nblock twice(what, n, pool=maxpool, act=relu):\n  what n -> what n\n  pool 2\n  conv n 3x3 act\n")
    g = graph(text + HEAD + "  twice unit 8\n  twice conv1x1 4 avgpool tanh\nblock conv1x1(n): conv n 1x1\n")
    assert "twice2.avgpool1" in names(g)
    assert "twice2.conv1.tanh" in names(g)


def test_recursion_with_a_guard_and_without() -> None:
    g = graph("block level(n, depth):\n  conv n 3x3\n  if depth > 0: level 2*n depth-1\n" + HEAD + "  level 2 3\n")
    assert "level1.level1.level1.level1.conv1" in names(g)
    assert errors("level", head="block level:\n  relu\n  level\n" + HEAD) == ["endless-recursion"]
    assert errors("f", head="block f:\n  g\nblock g:\n  f\n" + HEAD) == ["endless-recursion"]
    assert errors("f", head="block f:\n  f -> f\n" + HEAD) == ["endless-recursion"]


# a text, the net and its input where they must be named, the output's shape, and the trainable parameters, counted by hand
BY_HAND = {
    "variant of a variant": ("net a(n, m=4):\n  input 3x8x8\n  conv n 3x3\n  fc m\nnet b(k) = a k m=5\nnet c = b 6\n", "c", None,
                             "N x 5", 168 + 1925),
    "a default of another": ("net a(n, m=n*2):\n  input 3x8x8\n  conv n 3x3\n  fc m\nnet b = a 3\n", "b", None, "N x 6",
                             84 + 1158),
    "blocks handed down": (
        "block two(n, f): conv n 3x3 f -> conv n 3x3 f\nblock both(u, n):\n  u n tanh\n  u n relu\nblock deep(o, u): o u 4\n"
                           "net a:\n  input 3x8x8\n  deep both two\n  fc 2\n", "a", None, "N x 2", 112 + 3 * 148 + 514),
    "guarded recursion": (
        "block u(n, d):\n  conv n 3x3\n  if d > 0:\n    x: skip\n    maxpool 2\n    u 2*n d-1\n    deconv n 2x2 /2\n    concat @x\n  conv n 3x3\n"
                          "net a:\n  input 1x16x16\n  u 4 2\n", "a", None, "N x 4x16x16", 40 + 296 + 1168 + 2320 + 520 + 1160
                          + 132 + 292),
    "recursion down a list": (
        "block c(s, k=0):\n  if k < len(s):\n    conv s[k] 3x3\n    c s k+1\nnet a:\n  input 3x8x8\n  c [4, 5]\n", "a", None,
        "N x 5x8x8", 112 + 185),
    "each in each": (
        "net a:\n  input (2, 3, 3, 8, 8)\n  each p:\n    each q: conv 4 3x3 -> avgpool global\n    max over=q\n  mean over=p\n  fc 2\n", "a", None, "N x 2", 112 + 10),
    "frozen up to a node": (
        "net t(n=3):\n  input 3x16x16\n  s: repeat n: conv 4 3x3 bn\n  maxpool 2\n  e:\n    conv 8 3x3\n    conv 8 3x3\n"
                            "net a:\n  input 3x32x32\n  frozen: t 2 upto e.conv1\n  fc 10\n", "a", None, "N x 10", 20490),
    "inputs by name and place": (
        "net p:\n  input x 3\n  input y 4\n  @x -> fc 2\n  concat @y\nnet a:\n  input l 3\n  input r 4\n  @l\n  p @r\n  p y=@r\n",
        "a", None, "N x 6", 8 + 14),
    "an input of any size": ("net a:\n  input 3x?x?\n  conv 4 3x3 /2\n  maxpool 2 ceil\n  up 4\n  conv 2 1x1\n", "a", (3, 17, 19),
                             "N x 2x20x20", 112 + 10),
    "an input of a computed size": ("net a(z=6):\n  input (z*2)\n  fc z\nnet b = a 4\n", "b", None, "N x 4", 36),
}


@pytest.mark.parametrize("title", BY_HAND)
def test_counts_made_by_hand(title: str) -> None:
    text, net, shape, result, count = BY_HAND[title]
    g = elaborate(parse(Source("t.net", text, str(SPECS))), net, {}, shape)
    assert out(g) == result and sum(p.size for p in g.parameters if p.trainable) == count


def test_reuse_shares_weights_and_counts_them_once() -> None:
    g = graph("net s:\n  input l 3x8x8\n  input r 3x8x8\n  @l -> a: conv 4 3x3 bn -> fc 5\n  @r -> reuse @a -> sub @a\n")
    assert g.by_name["reuse1.conv1"].parameters == g.by_name["a.conv1"].parameters
    assert len(g.parameters) == 7
    assert "shape-mismatch" in [d.code for d in findings("net s:\n  input l 3x8x8\n  a: fc 5\n  reuse @a\n")]


def test_each_and_pooling_over_it() -> None:
    g = graph("net v(n=6):\n  input (n, 3, 8, 8)\n  each view:\n    conv 4 3x3\n  max over=view\n")
    assert g.by_name["conv1"].type.batch == 6
    assert out(g) == "N x 4x8x8"
    assert "missing-reference" in errors("max over=view")


def test_upto_stops_inside() -> None:
    text = "net t:\n  input 3x8x8\n  s1: conv 4 3x3 relu -> conv 4 3x3 relu\n  s2: conv 8 3x3\n"
    g = graph(text + "net a:\n  input 3x8x8\n  x: t upto s1.conv1\n", "a")
    assert names(g) == ["input", "x.s1.conv1", "x.s1.conv1.relu"]
    assert "missing-reference" in [d.code for d in findings(text + "net a:\n  input 3x8x8\n  t upto s3\n")]


def test_net_as_step_keeps_its_side_outputs_to_itself() -> None:
    text = "net t:\n  input 3x8x8\n  conv 4 3x3\n  output aux: fc 3\n  conv 4 3x3\n"
    g = graph(text + "net a:\n  input 3x32x32\n  t\n", "a")
    assert [n for n, _ in g.outputs] == ["out"]
    assert names(g) == ["input", "t1.conv1", "t1.conv2"]


def test_variants_bind_and_override() -> None:
    text = (
        "net base(n, m=2, classes=10):\n  input 3x8x8\n  repeat m: conv n 3x3\n  fc classes\nnet v = base 4\nnet w = v m=1 classes=3\n")
    assert out(graph(text, "w")) == "N x 3"
    assert names(graph(text, "w"))[1:] == ["conv1", "fc1"]
    assert out(graph(text, "v", parameters={"classes": "7"})) == "N x 7"
    assert "missing-argument" in [d.code for d in findings(text.replace("base 4", "base"))]


# ---------------------------------------------------------------- sizes


def test_unknown_sizes_are_bound() -> None:
    text = "net f:\n  input 3x?x?\n  conv 4 3x3\n  avgpool global -> fc 2\n"
    assert str(graph(text).by_name["conv1"].type) == "N x 4x?x?"
    assert str(graph(text, input="3x20x10").by_name["conv1"].type) == "N x 4x20x10"
    assert "unknown-size" in [d.code for d in findings("net f:\n  input 3x?x?\n  fc 2\n")]
    assert "unknown-size" in [d.code for d in findings("net f:\n  input 3x?x?\n  if in.height > 4: relu\n  conv 3 3x3\n")]
    with pytest.raises(SpecError):
        graph(text, input="4x20x10")
    for given in ("nonsense", "3x?x5", (3, None, 5), (), 0, "3x0x5"):  # nor is a size left open once more
        with pytest.raises(UsageError, match="is not a shape"):
            graph(text, input=given)


def test_same_is_symmetric_and_strides_divide_or_warn() -> None:
    assert out(steps("conv 8 4x4")) == "N x 8x15x15"
    assert "even-window" in [d.code for d in steps("conv 8 4x4").warnings]
    assert [d.severity for d in steps("conv 8 3x3 /2").warnings if d.code == "lost-pixels"] == ["note"]
    assert [d.severity for d in steps("conv 8 3x3 /3 valid").warnings if d.code == "lost-pixels"] == ["warning"]
    assert [d.code for d in steps("maxpool 3 /2 ceil").warnings] == []
    assert [d.hint for d in steps("maxpool 3 /2").warnings] == ["round up:  ceil"]  # no padding changes what is odd
    assert [d.hint for d in steps("maxpool 4 /3 pad=1").warnings] == ["pad=0   or   round up:  ceil"]


def test_dead_bias_is_counted() -> None:
    (w,) = [d for d in steps("conv 8 3x3 -> bn").warnings if d.code == "dead-bias"]
    assert "8 dead parameters" in w.labels[0].text
    assert steps("conv 8 3x3 bn", "conv 8 3x3 bias=no -> bn").warnings == ()


@pytest.mark.parametrize("line", [
    "conv 0 3x3", "conv -1 3x3", "conv 1.5 3x3", "conv 8", "conv", "conv 8 3x3 5", "conv 8 0x3", "conv 8 3x3 /0",
    "conv 8 3x3 dilation=0", "conv 8 3x3 pad=-1",
    "conv 8 3x3 groups=3", "conv 6 3x3 groups=4", "conv 8 99x99 valid", "conv 8 3x3x3", "conv 8 3x3 relu tanh",
    "conv 8 3x3 same valid", "conv 8 3x3 pad=1 valid",
    'conv "8" 3x3', "conv [8] 3x3", "conv 8 3x3 relu=3", "conv yes 3x3", "conv none 3x3", "conv 8 ?x3", "fc 0", "fc 1/3", "fc",
    "dropout 1", "dropout -0.1", "dropout 2", "maxpool 0",
    "maxpool 32", "avgpool 2 relu", "lrn 0", "repeat -1: relu", "repeat 1.5: relu", "for k in 5: relu",
    "for a, b in [1, 2]: relu", "fc 3 -> conv 4 3x3",
    "add @input @nowhere", "concat", "add", "fc n", "if n: relu", "if n == 3: relu", "fc 1/0", "fc 10^30", "fc [1, 2][5]",
    "fc in.depth", "fc min()", "fc len(3)", "foo", "Conv 8 3x3",
    "flatten2", "reuse @input", "max over=z", "skip 3", "x.y", "conv 8 3x3 upto a", "default conv 64", "default covn relu",
    "default conv colour=1", "input 3x3x3", "fc 3 @input",
    "conv 8 3x3 foo", "conv 8 3x3 n=1", "conv 8 3x3 /2 stride=2", "train", "relu 3", "bn 3", "conv 8 -3", "resdual: conv 4 3x3",
    "ouput: relu", "conv 8 3x3 floor", "fc 1e999",
    "fc 99999999999999999999", "conv 8 3x3 groups=0", "residual: maxpool 2", "conv 8 3x3 bias=3", "conv 8 3x3 pad=[1]",
    "conv 8 3x3 pad=[(1, 2, 3), 1]", "leaky x", "each: relu -> add @input",
])
def test_impossible_steps_are_refused(line: str) -> None:
    assert errors(line, "relu")


@pytest.mark.parametrize("line", [
    "repeat 0: conv 4 3x3", "conv pad=1 4 3x3", "conv 4 3x3 /2x1", "conv 4 (3, 1)", "conv 4 3",
    "conv 4 3x3 /(1 if in.height > 3 else 2)", "conv 2*in.channels 1x1", "fc in.channels*in.height",
    "conv 4 3x3 pad=[(1, 2), (0, 1)]",
    "maxpool -> avgpool -> dropout -> lrn", "maxpool 3 /2 ceil", "fc min(3, 4)", "fc max([3, 4])", "fc [5, 6][0]",
    "if yes and not no: relu", "for a, b in [(1, 2), (3, 4)]: conv a+b 3x3",
    "for n in []: relu", "skip", "conv 4 3x3 linear", "conv 4 3x3 bias=no bn=no", "x: skip -> relu",
    "conv 4 3x3 valid dilation=2", "frozen: conv 4 3x3", "fc 4 bn relu",
    "x: residual: relu", "repeat 2: repeat 2: relu", "if in.width == 16: conv 3 3x3", "fc 7 % 4", "fc 2^3", "fc -(-3)",
    "for k in 1..3: conv k 1x1", "for k in 3..1: relu", "conv 4 1x1 -> relu -> x: relu",
    "dense1: fc 3", "add1: relu", "net_1: relu", "fc floor(7/2)", "conv 4 3x3 /2 relu", "fc 3   # why", "expect 4x16x16 -> relu",
    "concat @input", "pad 1 reflect", "conv 4 3x3 # /2",
])
def test_odd_steps_are_fine(line: str) -> None:
    assert errors(line, "relu") == []


def test_fc_of_an_expression_needs_no_blank() -> None:
    assert out(steps("fc 7 % 4")) == "N x 3"


# ---------------------------------------------------------------- defaults


def test_defaults_are_lexical_and_a_word_of_the_family_wins() -> None:
    g = steps("conv 4 3x3", "default conv bn relu valid", "conv 4 3x3", "conv 4 3x3 linear same", "conv 4 3x3 bn=no tanh pad=1",
              "x:", "  default conv linear", "  conv 4 3x3", "conv 4 3x3")
    assert [n for n in names(g) if n.startswith("conv")] == ["conv1", "conv2", "conv2.bn", "conv2.relu", "conv3", "conv3.bn",
                                                             "conv4", "conv4.tanh", "conv5", "conv5.bn", "conv5.relu"]
    assert [n for n in names(g) if n.startswith("x.")] == ["x.conv1", "x.conv1.bn"]
    assert g.by_name["conv4"].op.bias
    assert not g.by_name["conv3"].op.bias


def test_defaults_do_not_follow_into_blocks_and_hold_from_their_line() -> None:
    g = graph("block before: conv 4 3x3\ndefault conv relu\nblock after: conv 4 3x3\n" + HEAD
              + "  default conv tanh\n  before\n  after\n")
    assert names(g)[1:] == ["before1.conv1", "after1.conv1", "after1.conv1.relu"]


# ---------------------------------------------------------------- train sections

TRAIN = "net t:\n  input 3x8x8\n  output aux: fc 4\n  fc 10\ntrain t:\n"


def test_a_train_section_is_bound() -> None:
    g = graph(TRAIN
              + "  loss cross_entropy\n  loss cross_entropy @aux weight=0.3\n  sgd lr=0.1 momentum=0.9\n  schedule step every=3 factor=0.5\n  batch 8\n  epochs 3\n  data digits\n  augment flip\n")
    t = g.training
    assert [(x.output, x.weight, x.target) for x in t.losses] == [("out", 1.0, None), ("aux", 0.3, None)]
    assert (t.optimiser.lr, t.optimiser.momentum, t.batch, t.epochs, t.data.op.name) == (0.1, 0.9, 8, 3, "digits")
    assert t.schedules[0].every == 3


@pytest.mark.parametrize("line", ["loss cross_entorpy", "loss", "sgdd lr=1", "sgd lr=-1", "sgd momentum=1", "batch 0",
                                  "batch 1.5", "batch", "epochs -1", "loss cross_entropy @nope", "schedule stepp",
                                  "loss cross_entropy weight=-1",
                                  "conv 3 3x3", "sgd lr=0.1 -> adam", "residual: sgd", "sgd nesterov", "sgd lr=fast", "data",
                                  "loss mse target=input"])
def test_train_sections_are_checked(line: str) -> None:
    assert [d for d in findings(TRAIN + f"  {line}\n") if d.severity == "error" and d.span and d.span.line == 6]


def test_a_train_section_sees_the_parameters_of_its_net() -> None:
    text = (
        "net b(lr=0.1, n=10):\n  input 4\n  fc n\nnet a = b lr=0.2\ntrain b:\n  loss cross_entropy\n  sgd lr=lr*2\n  batch 2*n\n")
    for name, given, lr, batch in (("b", {}, 0.2, 20), ("a", {}, 0.4, 20), ("b", {"lr": 0.5, "n": 3}, 1.0, 6),
                                   ("a", {"n": 5}, 0.4, 10)):
        found = graph(text, name, parameters=given).training
        assert found is not None
        assert (found.optimiser.lr, found.batch) == (lr, batch)


def test_variants_train_as_their_net() -> None:
    g = graph("net b(n):\n  input 3x8x8\n  fc n\nnet v = b 4\ntrain b:\n  loss cross_entropy\n  adam\n", "v")
    assert g.training.optimiser.name == "adam"


# ---------------------------------------------------------------- imports


def test_imports_relative_packaged_and_cyclic(tmp_path: Path) -> None:
    (tmp_path
     / "a.net").write_text(
         'import g from "b.net"\nimport vgg16 from "vgg.net"\nblock f: relu\nnet x:\n  input 3x64x64\n  f -> g\n  vgg16 upto stage1\n')
    (tmp_path / "b.net").write_text('import f from "a.net"\nblock g:\n  f\n')
    g = elaborate(parse(read_source(tmp_path / "a.net")))
    assert "g1.f1.relu1" in names(g)
    (tmp_path / "c.net").write_text('import h from "d.net"\nnet x:\n  input 3x8x8\n  h\n')
    (tmp_path / "d.net").write_text('import h from "c.net"\nblock k: relu\n')
    assert "import-cycle" in [d.code for d in check_file(tmp_path / "c.net")]
    assert check_file(tmp_path / "b.net") == []
    (tmp_path / "a.net").write_text('import g from "b.net"\nblock f: relu\nnet x:\n  input 3x64x64\n  g\n')
    assert check_file(tmp_path / "a.net") == []  # b.net calls f
    (tmp_path / "k.net").write_text("k = 3\n")
    (tmp_path / "l.net").write_text('import k from "k.net"\nnet x:\n  input 3x8x8\n  fc k\n  fc k+1\n')
    (wrong,) = check_file(tmp_path / "l.net")
    assert wrong.code == "missing-import" and wrong.labels[0].text == "a constant there"
    (tmp_path / "m.net").write_text('import f from "a"\nnet x:\n  input 3x8x8\n  f\n')
    assert [d.hint for d in check_file(tmp_path / "m.net")] == ['did you mean "a.net"?']


def test_a_mistake_in_an_imported_file_is_said_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text('import g from "b.net"\nnet x:\n  input 3x8x8\n  g\n')
    (tmp_path / "b.net").write_text("block g:\n  relu\n  conv 4 3x3 )\n")
    (d,) = check_file(tmp_path / "a.net")
    assert d.span is not None
    assert (d.code, Path(d.span.source.name).name, d.span.line) == ("unopened-bracket", "b.net", 3)


def test_a_step_says_how_its_own_weights_and_biases_begin() -> None:
    g = steps('conv 4 3x3 init="gaussian 0.01" bias_init=0.5 lr=2', "fc 3 bias_init=0.25")
    said = {p.name: (p.init, dict(p.factors)) for p in g.parameters}
    assert said["conv1.weight"] == ("gaussian 0.01", {"lr": 2.0})
    assert said["conv1.bias"] == (0.5, {"lr": 2.0})
    assert said["fc1.weight"][0] != 0.25
    assert said["fc1.bias"] == (0.25, {})


@pytest.mark.parametrize(("path", "code"), [("nothere.net", "missing-file"), ("../outside.net", "missing-file"),
                                            ("/etc/passwd", "missing-file"), ("", "missing-file"), ("vgg.net", "missing-import")])
def test_imports_read_nothing_else(tmp_path: Path, path: str, code: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "outside.net").write_text("block f: relu\n")
    (inner / "a.net").write_text(f'import f from "{path}"\nnet x:\n  input 3x8x8\n  f\n')
    assert [d.code for d in check_file(inner / "a.net") if d.severity == "error"] == [code]


# ---------------------------------------------------------------- choosing a net


def test_which_net() -> None:
    module = parse(Source("t.net", "net a(n):\n  input 3\n  fc n\nnet b:\n  input 3\n  fc 3\nnet c = a 4\nblock d: relu\n"))
    assert [n.name for n in callable_nets(module)] == ["b", "c"]
    for net in (None, "a", "d", "zz"):
        with pytest.raises((UsageError, SpecError)):
            elaborate(module, net)
    with pytest.raises(UsageError, match="classes"):
        elaborate(module, "b", {"classes": 3})
    assert "`n`" in str(findings("net a(n):\n  input 3\n  fc 3\nnet b = a 3\n")[0].title)


def test_parameters_from_outside() -> None:
    text = "net m(hidden=[3], act=relu, deep=no):\n  input 8\n  for n in hidden: fc n act\n  if deep: fc 9\n"
    g = graph(text, parameters={"hidden": "[5, 6]", "act": "tanh", "deep": "yes"})
    assert [str(n.type) for n in g] == ["N x 8", "N x 5", "N x 5", "N x 6", "N x 6", "N x 9"]
    assert out(graph(text, parameters={"hidden": [7], "deep": True})) == "N x 9"


def test_unused_things_are_warned_of() -> None:
    text = ("k = 3\nblock f(n, m=2): conv n 3x3\nblock g: relu\nimport vgg16 from \"vgg.net\"\n" + HEAD
            + "  f 4\n  x: skip\n  conv 4 3x3\n  @f1\n")
    assert [(d.code, d.span.line) for d in findings(text) if d.severity == "warning" and d.span] == [
        ("unused", 1), ("unused", 2), ("unused", 3), ("unused", 4), ("unused", 8), ("unconnected", 9)]


def test_unknown_words_where_nothing_calls_them() -> None:
    text = "block f(n):\n  if n > 3:\n    covn n 3x3\n  else:\n    conv n 3x3 rleu\n" + HEAD + "  if no: mxpool 2\n  relu\n"
    assert [d.span.line for d in findings(text) if d.severity == "error" and d.span] == [3, 5, 8]


WHOLE = {
    "sub of different": ('net a:\n  input 3x32x32\n  x: conv 8 3x3\n  maxpool 2 -> sub @x\n', 4, "shape-mismatch"),
    "reference forward in branch": ('net a:\n  input 3x32x32\n  concat:\n    | @y\n    | y: conv 3 3x3\n', 4,
                                    "missing-reference"),
    "each on 1d": ('net a:\n  input 5\n  each v: fc 3\n', 3, "wrong-rank"),
    "two outputs out": ('net a:\n  input 3x32x32\n  output out: fc 3\n  fc 4\n', 3, "duplicate-name"),
    "duplicate input names": ('net a:\n  input x 3\n  input x 3\n  fc 1\n', 3, "duplicate-name"),
    "two optimisers": ('net a:\n  input 3x32x32\n  fc 3\ntrain a:\n  sgd\n  adam\n', 6, "contradiction"),
    "two trains": ('net a:\n  input 3x32x32\n  fc 3\ntrain a:\n  sgd\ntrain a:\n  adam\n', 6, "duplicate-definition"),
    "cross entropy on one": ('net a:\n  input 3x32x32\n  fc 1\ntrain a:\n  loss cross_entropy\n', 5, "loss-shape"),
    "mdnet loss no output named": (
        'net a:\n  input 3x32x32\n  for k in 1..2:\n    output d[k]: fc 2\ntrain a:\n  loss cross_entropy\n', 6,
        "missing-argument"),
    "import twice": ('import vgg16 from "vgg.net"\nimport vgg16 from "vgg.net"\nnet a:\n  input 3x32x32\n  vgg16 upto stage1\n',
                     2, "duplicate-definition"),
    "import name defined": ('import vgg16 from "vgg.net"\nblock vgg16: relu\nnet a:\n  input 3x32x32\n  vgg16\n', 1,
                            "duplicate-definition"),
    "net called with wrong rank": ('net b:\n  input 5\n  fc 3\nnet a:\n  input 3x32x32\n  b\n', 6, "wrong-rank"),
    "crop smaller": ('net a:\n  input 3x32x32\n  x: maxpool 2\n  crop @input\n', 4, "shape-mismatch"),
    "unpool of no pool": ('net a:\n  input 3x32x32\n  x: conv 3 3x3\n  unpool @x\n', 4, "wrong-argument"),
    "dense spatial mismatch": ('net a:\n  input 3x32x32\n  dense: conv 4 3x3 /2\n', 3, "shape-mismatch"),
    "shortcut twice": ('net a:\n  input 3x32x32\n  residual: conv 3 3x3\n  shortcut: skip\n  shortcut: skip\n', 5,
                       "shortcut-without-residual"),
    "if without cond": ('net a:\n  input 3x32x32\n  if: relu\n', 3, "incomplete"),
    "for without in": ('net a:\n  input 3x32x32\n  for n [1,2]: relu\n', 3, "syntax"),
    "label is layer with colon only": ('net a:\n  input 3x32x32\n  conv:\n  relu\n', 3, "missing-body"),
    "empty branch": ('net a:\n  input 3x32x32\n  concat:\n    |\n    | relu\n', 4, "syntax"),
    "weights number": ('net b:\n  input 3x8x8\n  conv 3 3x3\nnet a:\n  input 3x32x32\n  b weights=3\n', 6, "wrong-argument"),
    "pair upto wrong": ('net b:\n  input 3x8x8\n  conv 3 3x3\nnet a:\n  input 3x32x32\n  b upto conv2\n', 6, "missing-reference"),
    "const dup": ('k = 1\nk = 2\nnet a:\n  input 3x32x32\n  fc k\n', 2, "duplicate-definition"),
    "const undefined": ('k = j+1\nnet a:\n  input 3x32x32\n  fc k\n', 1, "undefined-name"),
    "neg list index": ('net a:\n  input 3x32x32\n  fc [1,2][-1]\n', 3, "bad-index"),
    "mod zero": ('net a:\n  input 3x32x32\n  fc 3%0\n', 3, "division-by-zero"),
    "pow frac": ('net a:\n  input 3x32x32\n  fc (0-8)^0.5\n', 3, "bad-value"),
    "in at top": ('k = in.channels\nnet a:\n  input 3x32x32\n  fc k\n', 1, "no-flow"),
    "default after": ('net a:\n  input 3x32x32\n  default conv\n  relu\n', 3, "incomplete"),
    "variant positional given": ('net b(n):\n  input 3\n  fc n\nnet c = b 3\nnet d = c 4\n', 5, "too-many-arguments"),
    "fc on each": ('net a:\n  input (4, 3, 8, 8)\n  each v:\n    x: conv 4 3x3\n  @x -> add @input\n', 5, "shape-mismatch"),
    "bn twice": ('net a:\n  input 3x32x32\n  conv 3 3x3 bn bn\n', 3, "contradiction"),
    "norm option": ('net a:\n  input 3x32x32\n  conv 3 3x3 bn=2\n', 3, "unknown-option"),
    "stride str": ('net a:\n  input 3x32x32\n  conv 3 3x3 /relu\n', 3, "undefined-name"),
    "kw ref": ('net a:\n  input 3x32x32\n  conv 3 3x3 pad=@input\n', 3, "wrong-argument"),
    "flag bare": ('net a:\n  input 3x32x32\n  conv 3 3x3 bias\n', 3, "unknown-word"),
    "global w window": ('net a:\n  input 3x32x32\n  maxpool 2 global global\n', 3, "contradiction"),
    "dropout str": ('net a:\n  input 3x32x32\n  dropout x\n', 3, "unknown-word"),
    "up 0": ('net a:\n  input 3x32x32\n  up 0\n', 3, "out-of-range"),
    "shuffle nondiv": ('net a:\n  input 3x32x32\n  shuffle 2\n', 3, "groups"),
    "maxout nondiv": ('net a:\n  input 3x32x32\n  maxout 2\n', 3, "groups"),
    "reshape": ('net a:\n  input 3x32x32\n  reshape 5x5\n', 3, "shape-mismatch"),
    "channels out": ('net a:\n  input 3x32x32\n  channels 0..3\n', 3, "bad-value"),
    "channels rev": ('net a:\n  input 3x32x32\n  channels 2..1\n', 3, "bad-value"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_one_mistake_is_one_error(kind: str) -> None:
    text, line, code = WHOLE[kind]
    assert [(d.span.line, d.code) for d in findings(text) if d.severity == "error" and d.span] == [(line, code)]


# ---------------------------------------------------------------- the graph, and networkx's word on it

HANGING = (
    "net a:\n  input 3x8x8\n  side: conv 4 3x3 -> relu\n  @input -> conv 8 3x3\n  fc 2\n",
    "net a:\n  input z 4\n  input 3x8x8\n  x: conv 4 3x3\n  y: @input -> maxpool 2 -> fc 3\n  @x -> fc 2\n",
    "block twice(n):\n  conv n 3x3\n  keep: conv n 1x1\nnet a:\n  input 3x8x8\n  twice 4\n  @input -> twice 4\n  fc 2\n",
    "net a:\n  input 3x8x8\n  concat:\n    | conv 4 3x3\n    | conv 4 5x5\n  side: skip -> fc 3\n  @concat1 -> fc 2\n",
    "net a:\n  input 3x8x8\n  residual: conv 3 3x3\n  output early: fc 2\n  fc 2\n",
    "net a:\n  input 3x8x8\n  x: conv 4 3x3\n  conv 2 1x1\n  output aux: @x -> fc 5\n",
)


def nothing_reads(g: Graph) -> set[str]:
    """The ends of what has no way to an output, as networkx finds them in the frozen graph."""
    outputs = {g.maker[value].name for _, value in g.outputs}
    alive = outputs.union(*(networkx.ancestors(g.nx, n) for n in outputs))
    return {n for n in g.nx if n not in alive and not g.nx.out_degree(n)}


@pytest.mark.parametrize("text", [*HANGING, *the_first(8, (read_source(p).text for p in sorted(SPECS.glob("*.net"))))])
def test_what_nothing_reads_is_said_and_only_that(text: str) -> None:
    module = parse(Source("t.net", text, str(SPECS)))
    hanging = 0
    for item in callable_nets(module):
        g = elaborate(module, item.name)
        assert networkx.is_directed_acyclic_graph(g.nx) and networkx.is_frozen(g.nx)
        assert set(g.nx) == set().union(*(networkx.descendants(g.nx, n.name) | {n.name} for n in g.inputs)), "a way from an input"
        said = [d for d in g.warnings if d.code == "unconnected" and ("reads" in d.title or "connects nothing" in d.title)]
        names = {re.sub(r".*reads (?:the input )?`?([\w.]+)`?.*", r"\1", f"{d.title} {d.labels[0].text}") for d in said}
        assert {n.split(".")[0] for n in names} == {n.split(".")[0] for n in nothing_reads(g)}
        hanging += len(said)
    assert hanging or text not in HANGING[:4]


def test_a_net_whose_last_line_is_a_side_output_says_how_to_keep_its_main_one() -> None:
    text = "net a:\n  input 3x8x8\n  x: conv 4 3x3\n  conv 2 1x1{}\n  output aux: @x -> fc 5\n"
    one, chain = (load_graph(text=text.format(more)).graph.warnings for more in ("", " -> relu"))
    assert [w.hint for w in one] == ["output main: conv 2 1x1"] and "is an output" in one[0].notes[0]
    assert "output main  below it" in str(chain[0].as_json())
    mended = load_graph(text=text.replace("conv 2 1x1{}", "output main: conv 2 1x1")).graph
    assert [public for public, _ in mended.outputs] == ["main", "aux"] and not mended.warnings


@pytest.mark.parametrize(("written", "shape"), [
    ("3x224x224", (3, 224, 224)), ("3x?x5", (3, None, 5)), (784, (784,)), ((3, "?", None, 4.0), (3, None, None, 4)), ("7", (7,)),
    ("9" * 5000 + "x2", (10**13, 2)),
])
def test_a_shape_is_read_in_one_way(written: Any, shape: tuple[int | None, ...]) -> None:
    assert shape_of(written) == shape
    assert load_graph(text="net a:\n  input ?x?x?\n  conv 4 1x1\n", input="3x5x7").inputs == {"input": (3, 5, 7)}


@pytest.mark.parametrize("written", ["", "x", "3x", "axb", "3 4", (3, 2.5), ("3x4", 5), None])
def test_what_is_no_shape(written: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        shape_of(written)
    if written is not None:
        with pytest.raises(UsageError, match="is no shape"):
            load_graph(text="net a:\n  input ?x?x?\n  conv 4 1x1\n", input=written)


def test_a_block_that_only_another_unused_one_calls_is_looked_at_by_itself() -> None:
    text = ("block stage(n, times):\n  bottle n\n  repeat times: conv n 1x1\nblock bottle(n):\n  stage1: stage 64 a\n"
            "net x:\n  input 3x32x32\n  fc 2\n")
    assert [(d.code, d.span.line) for d in findings(text) if d.severity == "error" and d.span] == [("undefined-name", 5)]
