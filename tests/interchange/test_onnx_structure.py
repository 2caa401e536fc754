"""What is read from ONNX has the structure that a person would write: with several inputs, and where weights are shared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_onnx_import import back, isomorphic, read_in, same

import netspec
from netspec.ir.graph import Graph

pytest.importorskip("onnx")
pytestmark = pytest.mark.onnx

SIAMESE = """\
block basic(n):
  conv n 3x3 /2 bn relu
  residual: conv n 3x3 bn relu -> conv n 3x3 bn
  relu

net twins:
  input left 3x16x16
  input right 3x16x16
  @left -> a: conv 8 3x3 -> basic 16 -> basic 32 -> avgpool global -> fc 16
  @right -> reuse @a -> sub @a -> abs
  fc 1 sigmoid
"""
CASES = {  # a text, and the lines of the net that must come back
    "shared": (SIAMESE, """\
  input left 3x16x16
  input right 3x16x16
  sub:
    | @right -> a: conv 8 3x3 -> basic -> basic -> avgpool global -> fc 16
    | @left -> reuse @a
  abs -> fc 1 sigmoid"""),
    "three ends": (SIAMESE[:SIAMESE.index("net")] + """\
net three:
  input a 3x16x16
  input b 3x16x16
  input c 3x16x16
  @a -> tower: conv 8 3x3 bn relu -> basic 16 -> avgpool global -> fc 16 -> l2norm
  output one
  @b -> reuse @tower
  output two
  @c -> reuse @tower
  output three
""", """\
    avgpool global -> fc 16 -> l2norm
  output one
  @b -> reuse @tower
  output two
  @c -> reuse @tower
  output three"""),
    "two towers": (SIAMESE[:SIAMESE.index("net")] + """\
net two:
  input rgb 3x16x16
  input depth 1x16x16
  concat:
    | @rgb -> conv 8 3x3 bn relu -> basic 16 -> basic 32
    | @depth -> conv 8 3x3 bn relu -> basic 16 -> basic 32
  conv 2 1x1
""", """\
  concat:
    | @rgb -> conv 8 3x3 bn relu -> basic -> basic
    | @depth -> conv 8 3x3 bn relu -> basic -> basic
  conv classes 1x1"""),
    "beside": ("net beside:\n  input x 3x8x8\n  input z 4\n  @x -> conv 8 3x3 relu -> fc 6 relu -> concat @z -> fc 6 relu -> concat @z\n  fc 2\n", """\
  input x 3x8x8
  input z 4
  @x -> conv 8 3x3 relu
  fc 6 relu -> concat @z -> fc 6 relu -> concat @z -> fc classes"""),
    "heads": ("net heads:\n  input 3x16x16\n  conv 8 3x3 /2 relu\n  output high: h: conv 8 3x3 relu -> conv 4 3x3\n  conv 8 3x3 /2 relu\n"
              "  output middle: reuse @high\n  conv 8 3x3 /2 relu -> reuse @high\n  output low\n", """\
  conv 8 3x3 /2 relu
  output high: conv 8 3x3 relu -> conv 4 3x3
  conv 8 3x3 /2 relu
  output middle: reuse @high
  conv 8 3x3 /2 relu
  reuse @high
  output low"""),
    "again": ("net again:\n  input 3x8x8\n  conv 8 3x3\n  a: residual: conv 8 3x3 relu\n  reuse @a -> reuse @a\n", """\
  conv 8 3x3
  a: residual: conv 8 3x3 relu
  reuse @a -> reuse @a"""),
    "sizes": ("net sizes:\n  input 3x15x15\n  conv 8 3x3 /2 relu\n  c: skip\n  conv 8 3x3 /2 relu\n  output one: conv 2 1x1 -> up @input bilinear\n"
              "  conv 8 1x1 -> up @c\n  conv 2 1x1 -> up @input bilinear\n  output two\n", """\
  conv 8 3x3 /2 relu
  size: skip
  conv 8 3x3 /2 relu
  output one: conv 2 1x1 -> up @input bilinear
  conv 8 1x1
  up @size
  conv 2 1x1
  up @input bilinear
  output two"""),
    "an image": ("net image:\n  input 1x6x6\n  conv 8 3x3 relu\n  conv 9 1x1\n  shuffle 3\n", """\
net model:
  input 1x6x6
  conv 8 3x3 relu
  conv 9 1x1
  shuffle 3"""),
    "one blur": ("net blur:\n  input 3x8x8\n  repeat 2:\n    conv 8 3x3 relu\n    conv in.channels 3x3 /2 bias=no groups=in.channels\n", """\
  repeat 2:
    conv 8 3x3 relu
    conv in.channels 3x3 /2 bias=no groups=in.channels"""),
}


# nets whose branches do not nest, and what comes back of them, with every name
NAMED = {
    "sides": """\
  input 3x16x16
  stage1: repeat 2: conv 8 3x3 relu
  maxpool 2
  stage2: repeat 2: conv 12 3x3 relu
  maxpool 2
  stage3: repeat 1: conv 12 3x3 relu
  concat:
    | @stage1 -> conv 1 1x1
    | @stage2 -> conv 1 1x1 -> up @input bilinear
    | conv 1 1x1 -> up @input bilinear
  conv 1 1x1 -> sigmoid
""",
    "a U": """\
  input 1x32x32
  d1: conv 4 3x3 valid -> conv 4 3x3 valid
  maxpool 2
  d2: conv 8 3x3 valid -> conv 8 3x3 valid
  maxpool 2
  conv 8 3x3
  deconv 8 2x2 /2 relu -> concat @d2 crop
  conv 8 3x3 valid
  deconv 4 2x2 /2 relu -> concat @d1 crop
  conv 4 3x3 valid
""",
    "skipped": """\
  input 8x20
  conv 8 1
  x: skip
  layer1:
    mul:
      | conv 8 2 pad=[(1, 0)] tanh
      | conv 8 2 pad=[(1, 0)] sigmoid
    x: skip
    skipped: conv 6 1
    @x -> conv 8 1 -> add @x
  last: conv 6 1
  @layer1.skipped -> add @last
  relu
""",
    "a gate of another": """\
  input 4x8x8
  fine: conv 8 3x3 relu
  maxpool 2
  deep: conv 8 3x3 relu
  avgpool global -> weigh: conv 8 1x1 sigmoid
  up @fine -> mul @fine
  relu
""",
    "split": """\
  input 4x8x8
  c: conv 8 1x1
  channels 0..in.channels/2-1
  a: skip
  @c -> channels in.channels/2..in.channels-1
  b: skip
  residual: conv 4 3x3 relu -> conv 4 3x3 relu
  m1: skip
  residual: conv 4 3x3 relu -> conv 4 3x3 relu
  m2: skip
  @a -> concat @b @m1 @m2
  conv 4 1x1
""",
    "exchange": """\
  input 3x8x8
  high: conv 4 3x3 relu
  low: conv 8 3x3 /2 relu
  @high -> conv 4 3x3 relu
  h: skip
  @low -> conv 8 3x3 relu
  l: skip
  conv 4 1x1 -> up 2 -> add @h
  relu
  high2: skip
  @h -> conv 8 3x3 /2 -> add @l
  relu -> up 2
  concat @high2
""",
    "ends": """\
  input 3x8x8
  trunk: conv 4 3x3 relu
  map1: l2norm -> scale
  @trunk -> maxpool 2
  map2: conv 4 3x3 relu
  output classes:
    concat:
      | @map1 -> a: conv 6 3x3 -> permute 1x2x0 -> flatten
      | @map2 -> b: conv 6 3x3 -> permute 1x2x0 -> flatten
  output boxes: @map1 -> conv 4 3x3 -> avgpool global -> permute 1x2x0 -> flatten
  output early: @trunk -> conv 2 1x1
""",
    "one inside the other": """\
  input l 4x6x6
  input q 4x6x6
  @l -> conv 4 3x3
  prelu
  sub @l
  conv 4 1x1 relu
  mul @l
  stage1: conv 4 3x3 relu -> slope: prelu
  conv 4 3x3 groups=2
  reuse @stage1.slope
  add @q
""",
    "words": """\
  default instance_norm affine
  default leaky slope=0.1

  input 3x8x8
  pool5: maxpool 2
  conv 4 3x3 reflect instance_norm leaky
  noise: conv 4 1x1
  deconv 2 2x2 /2 tanh
  head: repeat 1: fc 4 relu
  drop_path 0.1
  fc 2 bn relu
""",
}


@pytest.mark.parametrize("name", NAMED)
def test_names_come_back_where_branches_do_not_nest(name: str, tmp_path: Path) -> None:
    graph = netspec.load_graph(text=f"net a:\n{NAMED[name]}").graph
    found = back(graph, tmp_path)
    made = netspec.load_graph(text=found.text).graph
    assert isomorphic(graph, made), found.text
    assert [k for k, _ in made.outputs] == [k for k, _ in graph.outputs]
    assert {n.name for n in graph.nodes if n.parameters} == {n.name for n in made.nodes if n.parameters}, found.text
    assert "@" not in found.text.replace("@input", "") or name != "words"
    if name == "sides":
        assert found.text == f"net model:\n{NAMED[name]}"


def test_blocks_come_back_by_their_names(tmp_path: Path) -> None:
    """Calls that are numbered, calls with labels, and a call that is alone in a label."""
    text = """\
block double(n):
  conv n 3x3 bn relu
  conv n 3x3 bn relu

net a(classes=3):
  input 3x16x16
  d1: double 8
  maxpool 2
  double 12 -> double 12
  stage3: repeat 1: double 8
  classifier: fc 6 relu -> dropout 0.5 -> fc classes
"""
    graph = netspec.load_graph(text=text).graph
    found = back(graph, tmp_path)
    made = netspec.load_graph(text=found.text).graph
    assert [n.name for n in made.nodes] == [n.name for n in graph.nodes], found.text
    for line in ("block double(n):", "  d1: double 8", "  stage3: repeat 1: double 8"):
        assert line in found.text.splitlines(), found.text


ROUND = {  # what people write with blocks, and lines that must come back
    "a gate of its own": ("""\
block squeeze(part=4):
  x: skip
  avgpool global
  conv in.channels/part 1x1 relu
  conv in.channels*part 1x1 sigmoid
  up @x -> mul @x

net a:
  input 3x8x8
  conv 16 3x3 bn relu
  residual: conv 16 3x3 bn relu -> squeeze
  relu
""", ("block squeeze:", "    squeeze")),
    "repeats": ("""\
block unit(n):
  conv n 3x3 bn relu

block double(n):
  unit n -> unit n

net a:
  input 3x8x8
  repeat 3: unit 16
  body: repeat 4: double 32
  double 48
  tail:
    repeat 3: unit 64
    conv 10 1x1
""", ("block unit(n):", "  conv n 3x3 bn relu", "block double(n):", "  unit n -> unit n", "  repeat 3: unit 16", "  body: repeat 4: double 32",
      "    repeat 3: unit 64")),
    "names": ("""\
block double(n):
  conv n 3x3 bn relu -> conv n 3x3 bn relu

net a:
  input 3x8x8
  d1: double 8
  maxpool 2
  d2: double 16
  maxpool 2
  d3: double 32
  double 32 -> double 16 -> double 8
""", ("block double(n):", "  d3: double 32", "  double 32 -> double 16 -> double 8")),
    "dilations": ("""\
block bottleneck(n, dilation=1):
  residual:
    conv n 1x1 bn relu
    conv n 3x3 bn relu dilation=dilation
    conv 4*n 1x1 bn
  shortcut if in.channels != 4*n: conv 4*n 1x1 bn
  relu

net a:
  input 3x16x16
  bottleneck 8 -> bottleneck 8 dilation=2 -> bottleneck 8 dilation=2 -> bottleneck 16 dilation=2
  bottleneck 16 dilation=4
""", ("block bottleneck(n, dilation=1):", "  bottleneck 8 -> bottleneck 8 dilation=2 -> bottleneck 8 dilation=2",
      "  bottleneck 16 dilation=2 -> bottleneck 16 dilation=4")),
    "windows": ("""\
block c(n, window=3):
  conv n window bn -> leaky 0.1

net a:
  input 3x16x16
  c 8
  maxpool 2
  c 16 -> c 8 1 -> c 16
  maxpool 2
  c 32 -> c 16 1 -> c 48
""", ("block c(n, k=3):", "  conv n k bn -> leaky 0.1", "  c 16 -> c 8 k=1 -> c 16", "  c 32 -> c 16 k=1 -> c 48")),
}


@pytest.mark.parametrize("name", ROUND)
def test_blocks_come_back_as_they_were_written(name: str, tmp_path: Path) -> None:
    text, wanted = ROUND[name]
    graph = netspec.load_graph(text=text).graph
    found = back(graph, tmp_path)
    made = netspec.load_graph(text=found.text).graph
    assert [n.name for n in made.nodes] == [n.name for n in graph.nodes], found.text
    assert len(found.text.splitlines()) <= 1.1 * len(text.splitlines()) + 1, found.text
    for line in wanted:
        assert line in found.text.splitlines(), found.text


@pytest.mark.parametrize("name", CASES)
def test_the_text(name: str, tmp_path: Path) -> None:
    text, wanted = CASES[name]
    graph = netspec.load_graph(text=text).graph
    found = back(graph, tmp_path, blurred=name == "one blur")
    made = netspec.load_graph(text=found.text).graph
    assert wanted in found.text, found.text
    assert same(graph, made)
    if name != "one blur":  # what is shared is shared again
        assert sum(p.size for p in made.parameters) == sum(p.size for p in graph.parameters)


MODULES = {  # what PyTorch's modules are called, and what comes back of their names
    "a U": ("""\
  stem: conv 4 3x3 relu
  d1: conv 8 3x3 relu -> conv 12 3x3 relu
  maxpool 2
  d2: repeat 2: conv 12 3x3 relu
  up 2 -> concat @d1
  last: conv 4 1x1
  avgpool global -> head: fc 7
""", """\
  stem: conv 4 3x3 relu
  d1: conv 8 3x3 relu -> conv 12 3x3 relu
  maxpool 2
  d2: repeat 2: conv 12 3x3 relu
  up 2 -> concat @d1
  last: conv 4 1x1
  avgpool global -> head: fc classes
"""),
    "kinds": ("""\
  conv1: conv 4 3x3 relu
  features: conv 8 3x3 relu
  dwconv: conv 8 3x3 groups=8
  pool_1: maxpool 2
  cv2: conv 4 1x1
  last_linear: fc 7
""", """\
  conv 4 3x3 relu
  conv 8 3x3 relu
  conv in.channels 3x3 groups=in.channels
  maxpool 2
  conv 4 1x1
  last_linear: fc classes
"""),
    "values": ("""\
  lateral: conv 8 1x1
  conv 8 3x3 /2 relu
  x: skip
  concat:
    | rgb: conv 4 1x1
    | depth: conv 4 3x3 relu
  mul @x -> up 2
  concat @lateral
  output late: score: conv 2 1x1
  fc 7
""", """\
  lateral: conv 8 1x1
  x1: conv 8 3x3 /2 relu
  concat:
    | rgb: conv 4 1x1
    | depth: conv 4 3x3 relu
  mul @x1 -> up 2 -> concat @lateral
  output late: conv 2 1x1
  fc 7
  output out
"""),
    "a split": ("""\
  conv 16 1x1 relu
  x: skip
  channels 0..3
  x1: conv 4 3x3 relu
  @x -> channels 4..7
  add @x1
  x2: conv 4 3x3 relu
  @x -> channels 8..11
  add @x2
  x3: conv 4 3x3
  @x -> channels 12..15
  x4: skip
  @x1 -> concat @x2 @x3 @x4
  conv 7 1x1 relu
""", """\
  conv 16 1x1 relu
  concat:
    | channels 0..in.channels/4-1 -> x1: conv 4 3x3 relu
    | channels in.channels/4..in.channels/2-1 -> add @x1 -> x2: conv 4 3x3 relu
    | channels in.channels/2..3*in.channels/4-1 -> add @x2 -> conv 4 3x3
    | channels 3*in.channels/4..in.channels-1
  conv classes 1x1 relu
"""),
    "pools": ("""\
  y: conv 8 1x1
  a: maxpool 5 /1 same
  b: maxpool 5 /1 same
  c: maxpool 5 /1 same
  @y -> concat @a @b @c
  conv 8 3x3
  fc 7
""", """\
  x1: conv 8 1x1
  x2: maxpool 5 /1 same
  x3: maxpool 5 /1 same
  x4: maxpool 5 /1 same
  @x1 -> concat @x2 @x3 @x4
  conv 8 3x3
  fc classes
"""),
    "a pyramid": ("""\
  stem: conv 8 3x3 relu
  c3: conv 8 3x3 relu
  c4: conv 12 3x3 /2 relu
  lateral4: conv 4 1x1
  output p4
  up 2
  u: skip
  @c3 -> lateral3: conv 4 1x1
  add @u
  p3: skip
  output second: smooth3: conv 4 3x3
  @stem -> lateral2: conv 4 1x1
  add @p3
  smooth2: conv 4 3x3
  output first
""", """\
  stem: conv 8 3x3 relu
  c3: conv 8 3x3 relu
  c4: conv 12 3x3 /2 relu
  lateral4: conv 4 1x1
  output p4
  x1: up 2
  @c3 -> lateral3: conv 4 1x1
  x2: add @x1
  output second: conv 4 3x3
  @stem -> lateral2: conv 4 1x1
  add @x2
  smooth2: conv 4 3x3
  output first
"""),
    "attention": ("""\
  stem: conv 8 3x3 relu
  coarse: maxpool 2 -> conv 8 3x3 relu -> up 2
  add:
    | conv 4 1x1
    | @stem -> conv 4 1x1
  relu
  conv 1 1x1 sigmoid
  mul @stem
  concat @coarse
  fc 7
""", """\
  stem: conv 8 3x3 relu
  coarse: maxpool 2 -> conv 8 3x3 relu -> up 2
  add:
    | conv 4 1x1
    | @stem -> conv 4 1x1
  relu
  conv 1 1x1 sigmoid
  mul @stem -> concat @coarse -> fc classes
"""),
}
PARTS = {  # what stands above the net, and how many lines all of it has
    "gates": ("""\
block squeeze:
  x: skip
  avgpool global -> fc in.channels/2 relu
  fc 2*in.channels sigmoid -> reshape (in.channels, 1, 1)
  up @x -> mul @x

net a:
  input 3x8x8
  conv 8 3x3 relu -> squeeze
  conv 12 3x3 relu -> squeeze
  conv 16 3x3 relu -> squeeze
""", """\
block squeeze:
  x: skip
  avgpool global -> fc in.channels/2 relu -> fc 2*in.channels sigmoid
  reshape (in.channels, 1, 1)
  up @x -> mul @x
""", 14),
    "leaky": ("""\
net a:
  input 3x8x8
  conv 8 3x3
  leaky 0.1
  conv 12 3x3
  leaky 0.1
  deconv 4 2x2 /2
  leaky 0.1
""", """\
default leaky slope=0.1

net model:
  input 3x8x8
  conv 8 3x3 leaky
""", 7),
    "styles": ("""\
net a:
  input 3x8x8
  conv 8 3x3
  instance_norm affine
  relu
  conv 12 3x3
  instance_norm affine
  relu
""", """\
default instance_norm affine
default conv instance_norm relu bias=yes
""", 7),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_all_steps_of_a_kind_share_is_said_once(name: str, tmp_path: Path) -> None:
    text, wanted, most = PARTS[name]
    graph = netspec.load_graph(text=text).graph
    found = from_elsewhere(graph, tmp_path)
    assert same(graph, netspec.load_graph(text=found).graph)
    assert found.startswith(wanted) and len(found.splitlines()) <= most, found


@pytest.mark.parametrize("name", MODULES)
def test_names_of_modules_are_labels_where_they_say_something(name: str, tmp_path: Path) -> None:
    text, wanted = MODULES[name]
    graph = netspec.load_graph(text=f"net a:\n  input 3x8x8\n{text}").graph
    found = from_elsewhere(graph, tmp_path)
    assert same(graph, netspec.load_graph(text=found).graph)
    assert found[found.index("8x8\n") + 4:] == wanted, found


def from_elsewhere(graph: Graph, folder: Path) -> str:
    """The text of a graph whose file is as PyTorch's exporter writes it: by names of modules."""
    from test_onnx_export import numbers, written

    from netspec.interchange.onnx.say import said

    made = written(graph, numbers(graph), 18)
    made.producer_name = "pytorch"
    for n in made.graph.node:
        n.name = f"/{n.name.replace('.', '/')}/{n.op_type}"
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return said(folder / "model.onnx").text


def test_weights_that_run_with_another_step_are_no_reuse(tmp_path: Path) -> None:
    """The same weights with dilation: the language has no word for that, and the text is the file's all the same."""
    onnx = pytest.importorskip("onnx")
    h, w = onnx.helper, np.random.default_rng(0).standard_normal((3, 3, 3, 3)).astype(np.float32)
    nodes = [h.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
             h.make_node("Conv", ["x", "w"], ["b"], pads=[2] * 4, dilations=[2, 2]), h.make_node("Add", ["a", "b"], ["y"])]
    info = [h.make_tensor_value_info(v, 1, [2, 3, 8, 8]) for v in "xy"]
    made = h.make_model(h.make_graph(nodes, "g", info[:1], info[1:], [onnx.numpy_helper.from_array(w, "w")]),
                        opset_imports=[h.make_opsetid("", 18)], ir_version=9)
    net = read_in(made, tmp_path)
    assert [str(n.op) for n in net.graph.nodes[1:]] == ["conv 3 3x3 bias=no", "conv 3 3x3 dilation=2 bias=no", "add"]


def test_inputs_whose_names_are_one_word_here_are_apart(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    h = onnx.helper
    infos = [h.make_tensor_value_info(v, 1, [2, 3]) for v in ("x.1", "x_1", "y")]
    made = h.make_model(h.make_graph([h.make_node("Sub", ["x.1", "x_1"], ["y"])], "g", infos[:2], infos[2:]),
                        opset_imports=[h.make_opsetid("", 18)], ir_version=9)
    net = read_in(made, tmp_path)
    assert [n.name for n in net.graph.inputs] == ["x_1", "x_1_2"]
