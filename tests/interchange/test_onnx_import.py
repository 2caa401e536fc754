"""What is read from ONNX is the file's graph, node by node, and computes what the file computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_layers import EXAMPLES, graph_of
from test_onnx_export import UNSAID, compare, numbers, written

import netspec
from netspec.diagnostics import NetspecError
from netspec.ir.graph import Graph
from netspec.words.layer import Example
from sweeps import one_of_each
from where import ROOT

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.onnx

# examples that say the same in other words when they come back, or whose shapes are no image's
OTHERWISE = {"conv 3 2x2 valid table=[[0, 1], [2], [0, 1, 2]]": "conv", "dropout 0.25 classic": "scale 0.75",
             "flatten": "input", "maxout 1": "input", "mul @a @b": "mul", "pad @a": "pad", "pad @a replicate": "replicate",
             "reshape 24": "flatten", "sub @a @b": "sub", "up 3 bed": "deconv"}
OUTSIDE = ("max over=v", "mean over=v", "min over=v", "join_views", "split_views", "unpool @p")


def same(one: Graph, other: Graph) -> bool:
    """Whether two graphs have the same layers, wired the same way."""
    from netspec.interchange.onnx import agree

    found = agree.Numbers()
    a, b = agree.of_text(one, found), agree.of_text(other, found)
    ends = [[s.number[v] for v in s.outputs] for s in (a, b)]
    if sorted(one.public) == sorted(other.public):  # whichever stands first
        ends = [[s.number[g.public[k]] for k in sorted(g.public)] for s, g in ((a, one), (b, other))]
    return len(a.number) == len(b.number) and ends[0] == ends[1]


def back(graph: Graph, folder: Path, opset: int = 18, blurred: bool = False) -> Any:
    """A graph written and read again; `blurred` gives the depthwise convolutions of it the same few numbers."""
    from netspec.interchange.onnx.say import said

    path, arrays = folder / "model.onnx", numbers(graph)
    same = {k: np.resize(np.float32([1, 2, 1, 2, 4, 2, 1, 2, 1]), a.shape) for k, a in arrays.items()
            if blurred and a.ndim == 4 and a.shape[1] == 1}
    made = written(graph, arrays | same, opset)
    made.producer_name = "" if blurred else made.producer_name  # an exporter that keeps equal numbers once
    for n in made.graph.node:
        for k, v in enumerate(n.input):
            n.input[k] = next(iter(same)) if v in same else v
    path.write_bytes(made.SerializeToString())
    return said(path)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_comes_back(example: Example, tmp_path: Path) -> None:
    graph = graph_of(example)
    if example.spec in OUTSIDE:
        with pytest.raises(NetspecError):
            back(graph, tmp_path)
    elif example.spec not in UNSAID:
        found = back(graph, tmp_path)
        made = netspec.load_graph(text=found.text).graph
        assert same(graph, made) or OTHERWISE[example.spec] in found.text


@pytest.mark.parametrize(("shape", "layer"), [("5x2x3", "layer_norm channels eps=0.01"), ("4x3", "layer_norm channels affine=no"),
                                              ("4x3x2", "layer_norm"), ("6", "layer_norm"), ("3x2x1x2", "layer_norm affine=no")])
def test_layer_normalisation_comes_back_from_before_it_had_an_operator(shape: str, layer: str, tmp_path: Path) -> None:
    graph = netspec.load_graph(text=f"net a:\n  input {shape}\n  {layer}\n").graph
    compare(graph, 13)
    assert same(graph, netspec.load_graph(text=back(graph, tmp_path, opset=13).text).graph)


@pytest.mark.parametrize(("file", "net", "most"), [("resnet_cifar", "resnet20", 18), ("autoencoder", "autoencoder", 14),
                                                    ("densenet_cifar", "densenet40", 19),
                                                    ("lenet", "lenet5", 10), ("squeezenet", "squeezenet1_1", 21)])
def test_shipped_nets_come_back_in_as_few_lines(file: str, net: str, most: int, tmp_path: Path) -> None:
    graph = netspec.load_graph(ROOT / f"specs/{file}.net", net).graph
    found = back(graph, tmp_path)
    assert same(graph, netspec.load_graph(text=found.text).graph)
    assert len(found.text.splitlines()) <= most, found.text
    assert set(found.weights) == {p.name for p in netspec.load_graph(text=found.text).graph.parameters}


def small(path: Path) -> Graph:
    """The first net of a shipped file, as small as benchmarks/first_loss.py has it."""
    from first_loss import SIZES

    from netspec.elaborate.nets import callable_nets
    from netspec.syntax.load import read_source
    from netspec.syntax.parser import parse

    name = {"googlenet_bn": "googlenet_bn_aux"}.get(path.stem, callable_nets(parse(read_source(path)))[0].name)
    size = {"unet_recursive": None}.get(path.stem, SIZES.get(path.stem))
    set_ = {"weights": "none"} if path.stem in ("flowers", "style") else {}
    return netspec.load_graph(path, name, input=size, parameters=set_).graph


HUGE = 1.6e8  # numbers of a net that is left out: its file is most of a gigabyte


def isomorphic(one: Graph, other: Graph) -> bool:
    """Whether two graphs are one up to the names of their nodes: the same layers, which read the same in the same order."""
    from networkx import DiGraph, is_isomorphic

    from netspec.interchange.onnx.agree import said
    from netspec.ir.graph import Input

    made = []
    for g in (one, other):
        d = DiGraph()
        for n in g.nodes:
            types = [g.values[i].type for i in n.inputs]
            d.add_node(n.name, is_=str(n.type) if isinstance(n.op, Input) else said(n.op, types, n.op.parameters(*types)))
            places: dict[str, list[int]] = {}
            for k, i in enumerate(n.inputs):
                places.setdefault(i, []).append(k if n.op.in_order or n.op.category != "merge" else 0)
            d.add_edges_from((i, n.name, {"at": tuple(at)}) for i, at in places.items())
        made.append(d)
    a, b = made
    if a.nodes.data() == b.nodes.data() and all(a.adj[n] == b.adj[n] for n in a):
        return True
    return bool(is_isomorphic(a, b, node_match=dict.__eq__, edge_match=dict.__eq__))


SMALL = ("autoencoder", "deepbind", "digits", "fast_style", "lenet", "mtcnn", "squeezenet", "twopath")


@pytest.mark.parametrize("path", one_of_each(sorted((ROOT / "specs").glob("*.net"), key=lambda p: (p.stem != "backprop", p.stem)),
                                             lambda p: p.stem if p.stem in SMALL else ""), ids=lambda p: p.stem)
def test_the_first_net_of_every_shipped_file_comes_back_with_its_names(path: Path, tmp_path: Path) -> None:
    graph = small(path)
    if sum(p.size for p in graph.parameters) > HUGE:
        pytest.skip("huge")
    found = back(graph, tmp_path)
    again = netspec.load_graph(text=found.text).graph
    assert isomorphic(graph, again)
    assert [k for k, _ in again.outputs] == [k for k, _ in graph.outputs]
    gone = {p.name for p in graph.parameters} - {p.name for p in again.parameters}
    # in lraspp normalisations of two epsilons are words of convolutions: one of them is a step of its own
    assert gone == ({f"deep.bn.{k}" for k in ("weight", "bias", "mean", "var")} if path.stem == "lraspp" else set()), found.text
    assert len(graph.parameters) == len(again.parameters)


NETS = {
    "gate": "net a:\n  input 4x5x5\n  conv 6 3x3\n  x: skip\n  avgpool global -> conv 2 1x1 relu -> conv 6 1x1 sigmoid\n  up @x -> mul @x\n",
    "two ends": "net a:\n  input 4x6x6\n  conv 6 3x3 bn relu\n  output early: avgpool global -> fc 2\n  conv 3 1x1\n  output late\n",
    "twice": "net a:\n  input left 5\n  input right 5\n  @left -> f: fc 4 relu\n  @right -> reuse @f -> sub @f -> abs\n",
    "crop": "net a:\n  input 2x9x9\n  c: conv 3 3x3 valid\n  maxpool 2 ceil -> deconv 3 2x2 /2\n  crop @c -> concat @c\n",
    "resized": "net a:\n  input 2x7x7\n  c: conv 3 3x3\n  maxpool 2 -> up @c bilinear -> add @c\n",
    "branches": "net a:\n  input 3x8x8\n  concat:\n    | conv 2 1x1 -> conv 4 3x3\n    | maxpool 3 /1 same -> conv 2 1x1\n    | skip\n  relu\n",
    "apart": "net a:\n  input 4x5x5\n  conv 6 3x3 bias=no -> shift -> relu\n  conv 3 1x1 bias=no -> scale -> shift\n",
    "words": "net a:\n  input 4x8x8\n  conv 8 3x3 hardswish -> gelu -> mish -> swish -> lecun_tanh\n  group_norm 2 -> instance_norm\n"
             "  layer_norm channels -> interleave 4 -> shuffle 2 -> unshuffle 2 -> channels 2..5\n  dropout 0.3 spatial\n  bn scale=no\n",
}


@pytest.mark.parametrize("name", NETS)
def test_numbers_come_back(name: str, tmp_path: Path) -> None:
    net = netspec.compile(text=NETS[name], device="reference", seed=3)
    net.export(str(tmp_path / "a.onnx"))
    again = netspec.import_onnx(tmp_path / "a.onnx", device="reference")
    assert same(net.graph, again.graph)
    rng = np.random.default_rng(0)
    x: Any = {n.name: rng.standard_normal((2, *n.type.shape)).astype(np.float32) for n in net.graph.inputs}
    want, got = net.predict(x), again.predict({m.name: x[n.name] for n, m in zip(net.graph.inputs, again.graph.inputs)})
    for w, g in zip(want.values() if isinstance(want, dict) else [want], got.values() if isinstance(got, dict) else [got]):
        np.testing.assert_allclose(g, w, rtol=2e-4, atol=1e-5)
    loaded = netspec.compile(tmp_path / "a.net", device="reference")
    loaded.load_weights(str(tmp_path / "a.safetensors"))
    for p, a in again.parameters.items():
        np.testing.assert_array_equal(loaded.parameters[p], a)
    text = (tmp_path / "a.net").read_text()
    assert netspec.load_graph(text=text).parameters.keys() == again.parameters.keys() | again.buffers.keys()
    assert (tmp_path / "a.safetensors").exists()


def model(nodes: list[Any], constants: dict[str, Any], shape: Any = (1, 3, 8, 8), opset: int = 18, out: str = "y") -> Any:
    """A file by hand. What stands in `constants` as an input as well is one that may be given, as old files have it."""
    h, n = onnx.helper, onnx.numpy_helper
    return h.make_model(h.make_graph(nodes, "g", [h.make_tensor_value_info("x", 1, list(shape))],
                                     [h.make_tensor_value_info(out, 1, None)],
                                     [n.from_array(np.asarray(v), k) for k, v in constants.items()]),
                        opset_imports=[h.make_opsetid("", opset)], ir_version=9)


def node(op: str, inputs: str, output: str, **more: Any) -> Any:
    return onnx.helper.make_node(op, [i.strip("-") for i in inputs.split()], output.split(), name=f"n_{output.split()[0]}", **more)


def read_in(made: Any, folder: Path, **options: Any) -> netspec.Network:
    """A file, or its bytes, imported as a.onnx of a folder."""
    (folder / "a.onnx").write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return netspec.import_onnx(folder / "a.onnx", device="reference", **options)


def steps(made: Any, tmp_path: Path) -> list[str]:
    """The flat text of a file, read in and compared with what the file computes."""
    return [str(n.op) for n in read_in(made, tmp_path).graph.nodes[1:]]


RNG = np.random.default_rng(0)
W = RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)
V = RNG.standard_normal((5, 256)).astype(np.float32)


def test_shape_arithmetic_and_constants_in_nodes(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(W)), node("Identity", "w", "w2"),
             node("Conv", "x w2", "c", pads=[1, 1, 1, 1]), node("Shape", "c", "s"), node("Gather", "s zero", "b", axis=0),
             node("Unsqueeze", "b first", "b2"), node("Concat", "b2 rest", "to", axis=0), node("Reshape", "c to", "f"),
             node("MatMul", "f v", "m"), node("Add", "m bias", "y")]
    constants = {"zero": np.int64(0), "first": np.array([0]), "rest": np.array([-1]), "v": V.T, "bias": np.ones(5, np.float32)}
    assert steps(model(nodes, constants, ("n", 3, 8, 8)), tmp_path) == ["conv 4 3x3 bias=no", "fc 5"]


@pytest.mark.parametrize(("opset", "nodes", "constants", "wanted"), [
    (7, lambda: [node("Clip", "x", "y", min=0.0, max=6.0)], {}, ["relu6"]),
    (7, lambda: [node("Pad", "x", "y", pads=[0, 0, 1, 1, 0, 0, 2, 2], mode="reflect")], {}, ["pad [(1, 2), (1, 2)] reflect"]),
    (9, lambda: [node("Slice", "x", "y", starts=[1], ends=[3], axes=[1])], {}, ["channels 1..2"]),
    (9, lambda: [node("Upsample", "x s", "y", mode="nearest")], {"s": np.array([1, 1, 2, 2], np.float32)}, ["up 2"]),
    (10, lambda: [node("Resize", "x s", "y", mode="nearest")], {"s": np.array([1, 1, 2, 3], np.float32)}, ["up 2x3"]),
    (10, lambda: [node("Dropout", "x", "y", ratio=0.25)], {}, ["dropout 0.25"]),
    (11, lambda: [node("ReduceMean", "x", "y", axes=[-1, -2], keepdims=0)], {}, ["avgpool global", "flatten"]),
    (18, lambda: [node("ReduceMax", "x a", "y", keepdims=1)], {"a": np.array([2, 3])}, ["maxpool global"]),
    (13, lambda: [node("Split", "x", "a b c", axis=1), node("Concat", "c a", "y", axis=1)], {},
     ["channels 2", "channels 0", "concat"]),
    (18, lambda: [node("Pad", "x p", "q"), node("Conv", "q w", "y")], {"p": np.array([0, 0, 2, 2, 0, 0, 2, 2]), "w": W},
     ["conv 4 3x3 pad=2 bias=no"]),
    (18, lambda: [node("Conv", "x w", "y", auto_pad="SAME_UPPER", strides=[2, 2])], {"w": W},
     ["conv 4 3x3 /2 same_upper bias=no"]),
    (18, lambda: [node("Conv", "x w", "y", auto_pad="SAME_UPPER")], {"w": W}, ["conv 4 3x3 bias=no"]),
    (18, lambda: [node("Conv", "x w", "y", auto_pad="SAME_LOWER", strides=[3, 3], dilations=[2, 2])], {"w": W},
     ["conv 4 3x3 /3 same_lower dilation=2 bias=no"]),
    (18, lambda: [node("MaxPool", "x", "y", auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 2])], {},
     ["maxpool 3 /2 same_upper"]),
    (19, lambda: [node("AveragePool", "x", "y", auto_pad="SAME_LOWER", kernel_shape=[2, 2])], {},
     ["avgpool 2 /1 same_lower count_pad=no"]),
    (13, lambda: [node("SpaceToDepth", "x", "y", blocksize=2)], {}, ["unshuffle 2 dcr"]),
    (18, lambda: [node("Sigmoid", "x", "s"), node("Mul", "s x", "y")], {}, ["swish"]),
    (18, lambda: [node("Add", "x three", "a"), node("Clip", "a lo hi", "b"), node("Mul", "x b", "c"), node("Div", "c six", "y")],
     {"three": np.float32(3), "lo": np.float32(0), "hi": np.float32(6), "six": np.float32(6)}, ["hardswish"]),
    (18, lambda: [node("Tanh", "a", "y"), node("Relu", "x", "a")], {}, ["relu", "tanh"]),
    (18, lambda: [node("Mul", "x k", "y")], {"k": np.float32(0.17)}, ["scale 0.17"]),
    (18, lambda: [node("Div", "x k", "y")], {"k": np.array([1, 2, 4], np.float32).reshape(3, 1, 1)}, ["scale"]),
    (18, lambda: [node("Sub", "x k", "y")], {"k": np.array([1, 2, 4], np.float32).reshape(1, 3, 1, 1)}, ["shift"]),
    (18, lambda: [node("Add", "x k", "y")], {"k": np.array([0.5], np.float32)}, ["shift 0.5"]),
    (13, lambda: [node("Sub", "x k", "y")], {"k": np.float32(0.5)}, ["shift -0.5"]),
    (13, lambda: [node("Sub", "k x", "y")], {"k": np.float32(1)}, ["scale -1", "shift 1"]),
    (7, lambda: [node("Sub", "k x", "y")], {"k": np.array([1, 2, 4], np.float32).reshape(3, 1, 1)}, ["scale -1", "shift"]),
    (18, lambda: [node("Conv", "x w", "c"), node("Sub", "k c", "y")], {"w": W, "k": np.array([[[[0.5]]]], np.float32)},
     ["conv 4 3x3 valid bias=no", "scale -1", "shift 0.5"]),
    (18, lambda: [node("Sigmoid", "x", "s"), node("Sub", "k s", "r"), node("Mul", "r x", "y")], {"k": np.float32(1)},
     ["sigmoid", "scale -1", "shift 1", "mul"]),
    (13, lambda: [node("Pow", "x k", "y")], {"k": np.float32(2)}, ["square"]),
    (13, lambda: [node("Mul", "x x", "a"), node("Exp", "a", "b"), node("Sqrt", "b", "c"), node("Log", "c", "y")], {},
     ["square", "exp", "sqrt", "log"]),
    (13, lambda: [node("Transpose", "x", "a", perm=[0, 2, 3, 1]), node("Flatten", "a", "y")], {}, ["permute 1x2x0", "flatten"]),
    (13, lambda: [node("ReduceL2", "x", "n", axes=[1]), node("Clip", "n eps", "m"), node("Shape", "x", "s"), node("Expand", "m s", "e"),
                  node("Div", "x e", "y")], {"eps": np.float32(1e-12)}, ["l2norm"]),
    (18, lambda: [node("Div", "x root", "a"), node("Erf", "a", "b"), node("Add", "b one", "c"), node("Mul", "half c", "d"),
                  node("Mul", "x d", "y")], {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}, ["gelu"]),
    (18, lambda: [node("LpNormalization", "x", "y", axis=1)], {}, ["l2norm eps=0"]),
    (13, lambda: [node("ReduceMean", "x", "m", axes=[1], keepdims=0), node("Unsqueeze", "m one", "a"), node("ReduceMax", "x", "b", axes=[-3]),
                  node("Concat", "a b", "c", axis=1), node("Conv", "c w", "d"), node("Mul", "d x", "y")],
     {"one": np.array([1]), "w": np.ones((1, 2, 1, 1), np.float32)},
     ["mean over=channels", "max over=channels", "concat", "conv 1 1x1 bias=no", "mul"]),
    (18, lambda: [node("Flatten", "x", "a", axis=2), node("Reshape", "x to", "b"), node("Softmax", "b", "s", axis=-1), node("Shape", "x", "z"),
                  node("Reshape", "s z", "y")], {"to": np.array([0, 3, -1])}, ["softmax over=places"]),
    (18, lambda: [node("Cast", "x", "a", to=1), node("Relu", "a", "b"), node("Identity", "b", "y")], {}, ["relu"]),
    (18, lambda: [node("Transpose", "x", "a", perm=[0, 1, 2, 3]), node("AveragePool", "a", "y", kernel_shape=[2, 2], strides=[2, 2])],
     {}, ["avgpool 2"]),
    *((opset, lambda: [node("DequantizeLinear", "q s z", "w"), node("Conv", "x w", "y")],
       {"q": np.clip(W * 50, -128, 127).astype(np.int8), "s": np.float32(0.02), "z": np.int8(3)}, ["conv 4 3x3 valid bias=no"])
      for opset in (10, 13, 18, 21)),
    (13, lambda: [node("DequantizeLinear", "q s z", "w", axis=0), node("Conv", "x w", "y")],
     {"q": np.clip(W * 50, -128, 127).astype(np.int8), "s": np.float32([0.1, 0.2, 0.3, 0.4]), "z": np.int8([0, 1, 2, 3])},
     ["conv 4 3x3 valid bias=no"]),
])
def test_forms(opset: int, nodes: Any, constants: dict[str, Any], wanted: list[str], tmp_path: Path) -> None:
    assert steps(model(nodes(), constants, opset=opset), tmp_path) == wanted


def test_open_sizes_stay_open(tmp_path: Path) -> None:
    made = model([node("Conv", "x w", "c", pads=[1, 1, 1, 1], strides=[2, 2]), node("Shape", "x", "s"),
                  node("Slice", "s two four", "hw"), node("Shape", "c", "cs"), node("Slice", "cs zero two", "nc"),
                  node("Concat", "nc hw", "to", axis=0), node("Resize", "c - - to", "u", mode="linear"),
                  node("Concat", "x u", "y", axis=1)],
                 {"w": W, "zero": np.array([0]), "two": np.array([2]), "four": np.array([4])}, ("n", 3, "h", "w"))
    read_in(made, tmp_path, input=(3, 8, 8))
    text = (tmp_path / "a.net").read_text()
    assert "3x?x?" in text and "up @" in text
    window = model([node("AveragePool", "x", "y", kernel_shape=[8, 8]), ], {}, ("n", 3, "h", "w"))
    fixed = model([node("Flatten", "x", "f"), node("Gemm", "f v", "y", transB=1)], {"v": V[:, :192]}, ("n", 3, "h", "w"))
    for k, (one, size) in enumerate(((window, "3x?x?"), (fixed, "3x8x8"))):
        (tmp_path / str(k)).mkdir()
        read_in(one, tmp_path / str(k), input=(3, 8, 8))
        assert size in (tmp_path / str(k) / "a.net").read_text()


def test_all_that_is_outside_is_named_at_once_and_nothing_written(tmp_path: Path) -> None:
    made = model([node("Sin", "x", "a"), node("Relu", "x", "b"), node("Erf", "b", "c"),
                  node("Gather", "c k", "d", axis=1), node("Flatten", "a", "e"), node("Flatten", "d", "f"),
                  node("Concat", "e f", "y", axis=1)], {"k": np.array([2, 0])})
    with pytest.raises(NetspecError) as e:
        read_in(made, tmp_path)
    notes = e.value.diagnostics[0].notes
    assert e.value.diagnostics[0].code == "no-layer"
    assert [n.split(":")[0] for n in notes] == ["n_a", "n_c", "n_d"]
    assert "Sin of 3x8x8" in notes[0] and "channels" in notes[2]
    assert [f.name for f in tmp_path.iterdir()] == ["a.onnx"]


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize(("nodes", "wrong"), [
    (lambda v: ([node("Mul", "x c", "a"), node("Relu", "a", "y")], {"c": np.float32(v)}), "n_a: Mul of 3x8x8: it would be `scale"),
    (lambda v: ([node("Relu", "x", "a"), node("LeakyRelu", "a", "y", alpha=v)], {}), "n_y: LeakyRelu of 3x8x8: its alpha is"),
    (lambda v: ([node("BatchNormalization", "x s s s s", "y", epsilon=v)], {"s": np.ones(3, np.float32)}), "its epsilon is"),
    (lambda v: ([node("Clip", "x low high", "y")], {"low": np.float32(-abs(v) if v != v else abs(v)), "high": np.float32(1)}), "n_y"),
    (lambda v: ([node("Dropout", "x r", "y")], {"r": np.float32(v)}), "n_y: Dropout of 3x8x8"),
])
def test_a_number_that_is_none_is_refused_at_its_node(nodes: Any, wrong: str, number: float, tmp_path: Path) -> None:
    made = model(*nodes(number))
    (tmp_path / "a.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(NetspecError) as e:
        netspec.import_onnx(tmp_path / "a.onnx", device="reference")
    assert e.value.diagnostics[0].code == "no-layer"
    assert any(wrong in n for n in e.value.diagnostics[0].notes), e.value


@pytest.mark.parametrize("text", ["unshuffle 2 -> interleave 2", "shuffle 2 -> interleave 2", "interleave 2 -> interleave 4 -> shuffle 2",
                                  "unshuffle 2 -> unshuffle 2", "interleave 4 -> flatten -> fc 2"])
def test_shuffles_stand_one_behind_the_other(text: str, tmp_path: Path) -> None:
    from netspec.interchange.onnx.say import said

    graph = netspec.load_graph(text=f"net a:\n  input 16x8x8\n  {text}\n").graph
    made = written(graph, numbers(graph), 18)
    made.producer_name = "another"
    (tmp_path / "a.onnx").write_bytes(made.SerializeToString())
    assert isomorphic(graph, netspec.load_graph(text=said(tmp_path / "a.onnx").text).graph) or "flatten" in text


def test_places_of_a_pool_are_no_layer(tmp_path: Path) -> None:
    made = model([node("MaxPool", "x", "v y", kernel_shape=[2, 2])], {})
    with pytest.raises(NetspecError, match="MaxPool of 3x8x8"):
        read_in(made, tmp_path)


def test_a_branch_whose_condition_is_known(tmp_path: Path) -> None:
    h = onnx.helper
    branches = {f"{k}_branch": h.make_graph([node(op, "x", f"{k}_out")], k, [], [h.make_tensor_value_info(f"{k}_out", 1, None)])
                for k, op in (("then", "Relu"), ("else", "Tanh"))}
    nodes = [node("Shape", "x", "s"), node("Gather", "s one", "c", axis=0), node("Equal", "c three", "is"),
             h.make_node("If", ["is"], ["y"], **branches)]
    assert steps(model(nodes, {"one": np.int64(1), "three": np.int64(3)}), tmp_path) == ["relu"]


def outside_file(where: str, **more: str) -> Any:
    made = model([node("Conv", "x w", "y")], {"w": W})
    t = made.graph.initializer[0]
    t.ClearField("raw_data")
    t.data_location = onnx.TensorProto.EXTERNAL
    for k, v in {"location": where, **more}.items():
        t.external_data.add(key=k, value=v)
    return made


def damaged(change: Any) -> bytes:
    """A file of one convolution, with something done to its graph."""
    made = model([node("Conv", "x w", "y")], {"w": W})
    change(made.graph)
    return bytes(made.SerializeToString())


def of(op: str, shape: Any = (1, 3, 8, 8), constants: Any = None, opset: int = 18, **settings: Any) -> bytes:
    """A file of one node, which reads the input and the constants."""
    constants = {} if constants is None else constants
    return bytes(model([node(op, " ".join(["x", *constants]), "y", **settings)], constants, shape, opset).SerializeToString())


@pytest.mark.parametrize(("make", "says"), [
    (lambda: b"", "no graph"),
    (lambda: b"\x08\x09garbage" * 20, "no ONNX file"),
    (lambda: model([node("Relu", "x", "y")], {}).SerializeToString()[:-30], "no ONNX file"),
    (lambda: model([node("Conv", "x w", "y")], {"w": W}).SerializeToString()[:400], "no ONNX file"),
    (lambda: outside_file("../../etc/passwd").SerializeToString(), "not in the folder"),
    (lambda: outside_file("/etc/passwd").SerializeToString(), "not in the folder"),
    (lambda: outside_file("none.bin").SerializeToString(), "cannot be read"),
    (lambda: model([node("Relu", "b", "a"), node("Relu", "a", "b"), node("Add", "x b", "y")], {}).SerializeToString(), "circle"),
    (lambda: model([node("Relu", "x", "y")], {}).SerializeToString().replace(b"Relu", b"Re\xa9u"), "no text|no ONNX file"),
    (lambda: model([node("MaxPool", "x", "y", kernel_shape=[2, 2], strids=[1, 1])], {}).SerializeToString(), "strids"),
    (lambda: model([node("Relu", "nowhere", "y")], {}).SerializeToString(), "which nothing makes"),
    (lambda: model([node("ConstantOfShape", "s", "c"), node("Add", "x c", "y")], {"s": np.array([10**6, 10**6])})
     .SerializeToString(), "too large"),
    (lambda: model([node("Relu", "x", "y")], {}, (1, 3, 8, 8), opset=6).SerializeToString(), "opset 6"),
    (lambda: model([node("Relu", "x", "y")], {}, (1,)).SerializeToString(), "shape"),
    (lambda: model([node("Conv", "x w", "y")], {"w": W}, (1, 2, 8, 8)).SerializeToString(), "Conv of 2x8x8"),
    (lambda: model([node("Conv", "x w", "y", kernel_shape=[3, 3])], {"w": W[0, 0, 0]}).SerializeToString(), "Conv of 3x8x8"),
    *((lambda by=by: model([node("Resize", "x - s", "y")], {"s": np.float32([1, 1, by, 2])}).SerializeToString(),
       "n_y makes has an impossible size") for by in (np.inf, np.nan, -2, 1e30)),
    (lambda: model([node("Conv", "x w", "y")], {"w": np.where(W.max() == W, np.nan, W)}).SerializeToString(),
     "n_y: Conv: its weight holds 1 of 108 that are nan"),
    (lambda: model([node("Add", "x w", "y")], {"w": np.float32([1, np.inf, 1]).reshape(1, 3, 1, 1)}).SerializeToString(),
     "n_y: Add: its bias holds 1 of 3 that are infinite"),
    (lambda: model([node("BatchNormalization", "x a b c d", "y")], {k: v * np.ones(3, np.float32) for k, v in zip("abcd", (1, 1, 1, -2))})
     .SerializeToString(), "a variance of the file is negative"),
    (lambda: damaged(lambda g: g.ClearField("output")), "has no output"),
    (lambda: damaged(lambda g: g.input.append(g.input[0])), "two values of the file have the name x"),
    (lambda: damaged(lambda g: g.initializer.append(g.initializer[0])), "two values of the file have the name w"),
    (lambda: damaged(lambda g: g.node.append(g.node[0])), "two values of the file have the name y"),
    (lambda: damaged(lambda g: g.node.append(node("Relu", "y", "w"))), "two values of the file have the name w"),
    (lambda: of("Relu", (1, 3, 0, 8)), "an axis of size 0"),
    *((lambda op=op, more=more: of(op, **more), says) for op, more, says in (
        ("Conv", {"constants": {"w": W}, "group": 0}, "its group is 0, and must be at least 1"),
        ("Conv", {"constants": {"w": W}, "group": -1}, "its group is -1"),
        ("LRN", {"size": 0}, "its size is 0"),
        ("GroupNormalization", {"constants": {k: np.ones(3, np.float32) for k in "ab"}, "opset": 21, "num_groups": 0}, "its num_groups is 0"),
        ("Conv", {"constants": {"w": W}, "auto_pad": "BANANA"}, "its auto_pad is 'BANANA', and ONNX has NOTSET"),
        ("Conv", {"constants": {"w": W}, "kernel_shape": [5, 5]}, "its kernel_shape is 5x5, and its weight is 4x3x3x3"),
        ("Conv", {"constants": {"w": W}, "shape": (1, 5, 8, 8)}, "for 3 channels, and what it reads has 5"),
        ("Conv", {"constants": {"w": W, "b": W[0, 0, 0]}}, "its bias is 3, for 4 filters"),
        ("ConvTranspose", {"constants": {"w": W}}, "for 4 channels, and what it reads has 3"))),
    (lambda: outside_file("w.bin", offset="-4").SerializeToString(), "its offset is -4, which"),
    (lambda: outside_file("w.bin", length="abc").SerializeToString(), "its length is abc, which is no number of bytes"),
])
def test_what_is_broken_is_refused_in_a_line(make: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(NetspecError, match=says):
        read_in(make(), tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["a.onnx"]


@pytest.mark.parametrize(("make", "says"), [
    (lambda: of("QuantizeLinear", constants={"s": np.float32(1), "z": np.uint8(1)}), "the file is quantised"),
    (lambda: model([node("BatchNormalization", "x a b c d", "y m v", training_mode=1)], {k: np.ones(3, np.float32) for k in "abcd"})
     .SerializeToString(), "call .eval"),
    (lambda: of("Rleu"), "ONNX has no operator of this name"),
    (lambda: of("Einsum", equation="nchw->nhwc"), "netspec explain no-layer"),
    (lambda: model([node("ReduceMean", "x", "w", axes=[0]), node("Conv", "x w", "y")], {}, opset=17).SerializeToString(), "its weight is computed"),
    (lambda: of("Add", constants={"z": np.float32(3e38)}), r"n_y: it would be `shift 3e\+38`, and the constant is too large"),
])
def test_what_is_no_layer_is_said_with_its_cause(make: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(NetspecError, match=says):
        read_in(make(), tmp_path)


def test_channels_that_are_open_are_those_of_the_weight(tmp_path: Path) -> None:
    made = model([node("Conv", "x w", "y", pads=[1] * 4)], {"w": W}, ("a", "b", "c", "d"))
    assert read_in(made, tmp_path).graph.inputs[0].type.shape == (3, None, None)


def test_neither_file_is_written_where_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a.net").mkdir()
    with pytest.raises(NetspecError, match="a folder"):
        read_in(model([node("Relu", "x", "y")], {}), tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.net", "a.onnx"]


def test_numbers_in_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(W.tobytes())
    np.testing.assert_array_equal(read_in(outside_file("w.bin"), tmp_path).parameters["conv1.weight"], W)


def test_what_is_outside_is_what_it_says(tmp_path: Path) -> None:
    """Places and sizes in a file beside the model; links that lead out of its folder."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "w.bin").write_bytes(b"ahead" + W.tobytes())
    said = (({"offset": 5, "length": W.nbytes}, ""), ({"offset": 5}, ""), ({"offset": 6}, "does not hold"),
            ({"offset": -1}, "does not hold"), ({"length": W.nbytes - 4}, "does not hold"), ({"offset": 10**30}, "does not hold"),
            ({"offset": "x"}, "which is no number of bytes"))
    for more, refused in said:
        made = outside_file("w.bin")
        for k, v in more.items():
            made.graph.initializer[0].external_data.add(key=k, value=str(v))
        if refused:
            with pytest.raises(NetspecError, match=refused):
                read_in(made, folder)
        else:
            np.testing.assert_array_equal(read_in(made, folder).parameters["conv1.weight"], W)
    (tmp_path / "far.bin").write_bytes(W.tobytes())
    (folder / "near.bin").symlink_to(tmp_path / "far.bin")
    with pytest.raises(NetspecError, match="not in the folder"):
        read_in(outside_file("near.bin"), folder)
    inner = model([node("Constant", "", "w"), node("Conv", "x w", "y")], {})
    inner.graph.node[0].attribute.append(onnx.helper.make_attribute("value", outside_file("w.bin").graph.initializer[0]))
    inner.graph.node[0].attribute[0].t.external_data.add(key="offset", value="5")
    np.testing.assert_array_equal(read_in(inner, folder).parameters["conv1.weight"], W)


@pytest.mark.parametrize("nodes", [[node("Conv", "x w", "y")], [node("Cast", "x", "h", to=10), node("Conv", "h w", "y")]])
def test_half_precision_is_compared_without_its_rounding(nodes: Any, tmp_path: Path) -> None:
    from netspec.runtime.exchange import imported

    made = model(nodes, {"w": W.astype(np.float16)})
    made.graph.input[0].type.tensor_type.elem_type = 10 if len(nodes) == 1 else 1
    made.graph.output[0].type.tensor_type.elem_type = 10
    (tmp_path / "a.onnx").write_bytes(made.SerializeToString())
    _, told = imported(tmp_path / "a.onnx", None, None, False, "reference")
    assert float(told.split("within ")[1].split()[0]) < 1e-5 and "in float32" in told


def test_a_text_that_is_replaced_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from netspec.cli import main

    (tmp_path / "a.onnx").write_bytes(of("Relu"))
    for before, said in (("net mine:\n  input 3x8x8\n", True), (None, False)):
        if before:
            (tmp_path / "a.net").write_text(before)
        assert main(["import", str(tmp_path / "a.onnx"), "-o", str(tmp_path / "a.net")]) == 0
        assert ("another a.net was there, and is replaced" in capsys.readouterr().out) == said


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from netspec.cli import main

    spec, file = str(ROOT / "specs/linear.net"), str(tmp_path / "a.onnx")
    assert main(["export", f"{spec}:linear", "-o", file]) == 0
    assert main(["import", file, "-o", str(tmp_path / "b.net")]) == 0
    assert main(["check", str(tmp_path / "b.net")]) == 0
    assert "within" in capsys.readouterr().out
    assert main(["export", f"{spec}:linear", "-o", str(tmp_path / "a.txt")]) == 2
    assert main(["import", file, "-o", str(tmp_path / "b.txt")]) == 2
    assert main(["export", f"{spec}:linear", "--opset", "3", "-o", file]) in (1, 2)


@pytest.mark.parametrize("size", [4, 8])
def test_a_gate_that_is_spread_in_numbers_is_spread_over_its_image(size: int, tmp_path: Path) -> None:
    """As PyTorch's newer exporter writes expand_as where the batch alone is open: the shape holds the size of the batch."""
    made = model([node("Conv", "x w", "c", pads=[1] * 4, strides=[8 // size] * 2), node("GlobalAveragePool", "c", "g"),
                  node("Sigmoid", "g", "s"), node("Shape", "x", "batch", start=0, end=1), node("Concat", "batch rest", "to", axis=0),
                  node("Expand", "s to", "e"), node("Mul", "c e", "y")], {"w": W, "rest": np.array([4, size, size])}, ("n", 3, 8, 8))
    assert steps(made, tmp_path)[1:] == ["avgpool global", "sigmoid", "up @x", "mul"]
    assert "mul @x" in (tmp_path / "a.net").read_text()


def test_outputs_that_are_numbered_with_all_values_are_numbered_alone(tmp_path: Path) -> None:
    """As PyTorch's older exporter calls them where nobody else does."""
    made = model([node("Conv", "x w", "12"), node("Relu", "12", "13"), node("Tanh", "12", "y")], {"w": W})
    made.graph.output.extend([onnx.helper.make_tensor_value_info(v, 1, None) for v in ("13", "12")])
    assert [o.name for o in made.graph.output] == ["y", "13", "12"]
    net = read_in(made, tmp_path)
    assert sorted(k for k, _ in net.graph.outputs) == ["out2", "out3", "y"]
