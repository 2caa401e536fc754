"""Files whose axes stand otherwise: channels last, as TensorFlow and parts of PyTorch's nets have them, and numbers for each
channel that stand behind a convolution. What is read computes what the file computes: import compares the two by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_onnx_import import model, node, read_in

import netspec

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.onnx

FIRST, LAST = {"perm": [0, 3, 1, 2]}, {"perm": [0, 2, 3, 1]}
RNG = np.random.default_rng(0)


def f(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def imported(made: Any, folder: Path) -> tuple[str, netspec.Network]:
    net = read_in(made, folder)
    return (folder / "a.net").read_text(), net


def test_a_classifier_of_keras(tmp_path: Path) -> None:
    nodes = [node("Transpose", "x", "t", **FIRST), node("Conv", "t w1", "c", auto_pad="SAME_UPPER", kernel_shape=[3, 3]),
             node("Transpose", "c", "cl", **LAST), node("Add", "cl b1", "a"), node("Relu", "a", "r"), node("Transpose", "r", "t2", **FIRST),
             node("MaxPool", "t2", "p", kernel_shape=[2, 2], strides=[2, 2]), node("Transpose", "p", "pl", **LAST),
             node("Reshape", "pl s", "f"), node("MatMul", "f w2", "m"), node("Add", "m b2", "d"), node("Relu", "d", "dr"),
             node("MatMul", "dr w3", "m3"), node("Add", "m3 b3", "l"), node("Softmax", "l", "y", axis=1)]
    constants = {"w1": f(8, 3, 3, 3), "b1": f(8), "s": np.array([-1, 200]), "w2": f(200, 10), "b2": f(10), "w3": f(10, 5), "b3": f(5)}
    text, net = imported(model(nodes, constants, ("n", 10, 10, 3), opset=13), tmp_path)
    assert [str(n.op) for n in net.graph.nodes] == ["input", "permute 2x0x1", "conv 8 3x3", "relu", "maxpool 2", "fc 10", "relu", "fc 5", "softmax"]
    assert "  conv 8 3x3 relu\n" in text


def test_a_picture_goes_out_as_it_came_in(tmp_path: Path) -> None:
    nodes = [node("Transpose", "x", "t", **FIRST), node("Conv", "t w1", "c", pads=[1, 1, 1, 1]), node("Transpose", "c", "cl", **LAST),
             node("Relu", "cl", "r"), node("Transpose", "r", "t2", **FIRST), node("ConvTranspose", "t2 w2", "u", strides=[2, 2]),
             node("Transpose", "u", "ul", **LAST), node("Add", "ul b2", "ub"), node("Pad", "ub pads", "up", mode="reflect"),
             node("Resize", "up - - sizes", "z", mode="nearest"), node("Concat", "z z2", "cc", axis=3), node("Sigmoid", "cc", "y"),
             node("Tanh", "z", "z2")]
    constants = {"w1": f(4, 3, 3, 3), "w2": f(4, 6, 2, 2), "b2": f(6), "pads": np.array([0, 1, 2, 0, 0, 1, 2, 0]),
                 "sizes": np.array([1, 20, 24, 6])}
    _, net = imported(model(nodes, constants, (1, 4, 4, 3)), tmp_path)
    assert [n.op.name for n in net.graph.nodes[1:]] == ["permute", "conv", "relu", "deconv", "pad", "up", "tanh", "concat", "sigmoid", "permute"]
    assert net.graph.values[net.graph.outputs[0][1]].type.shape == (20, 24, 12)


def test_channels_last_inside(tmp_path: Path) -> None:
    """A block of ConvNeXt, a squeeze and excitation of dense layers, and a picture flattened channels last."""
    nodes = [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), node("Transpose", "c", "t", **LAST),
             node("LayerNormalization", "t g b", "l", axis=-1), node("MatMul", "l v", "m"), node("Add", "m vb", "ma"),
             node("Gelu", "ma", "h"), node("MatMul", "h v2", "m2"), node("Transpose", "m2", "tf", **FIRST), node("Mul", "tf ls", "sc"),
             node("Add", "sc c", "z"), node("Transpose", "z", "zl", **LAST), node("ReduceMean", "zl axes", "p", keepdims=0),
             node("MatMul", "p u", "q"), node("Sigmoid", "q", "q2"), node("Reshape", "q2 s", "q3"), node("Mul", "zl q3", "e"),
             node("Flatten", "e", "f"), node("Relu", "f", "fr"), node("Gemm", "fr o ob", "y", transB=1)]
    constants = {"w": f(4, 3, 3, 3), "g": f(4), "b": f(4), "v": f(4, 16), "vb": f(16), "v2": f(16, 4), "ls": f(4, 1, 1),
                 "axes": np.array([1, 2]), "u": f(4, 4), "s": np.array([-1, 1, 1, 4]), "o": f(7, 64), "ob": f(7)}
    _, net = imported(model(nodes, constants, ("n", 3, 4, 4), opset=20), tmp_path)
    said = [str(n.op) for n in net.graph.nodes[1:]]
    assert said[1:7] == ["layer_norm channels", "conv 16 1x1", "gelu", "conv 4 1x1 bias=no", "scale", "add"]
    assert said[-2:] == ["relu", "fc 7"] and "reshape 4x1x1" in said and not any(s.startswith("flatten") for s in said)


@pytest.mark.parametrize(("nodes", "constants", "wanted"), [
    ([node("Conv", "x w b", "c"), node("Mul", "c g", "m"), node("Add", "m h", "y")],
     {"w": f(4, 3, 3, 3), "b": f(4), "g": f(1, 4, 1, 1), "h": f(4, 1, 1)}, ["conv 4 3x3 valid"]),
    ([node("ConvTranspose", "x w", "c", group=3), node("Div", "c g", "m"), node("Sub", "m h", "y")],
     {"w": f(3, 2, 2, 2), "g": f(6, 1, 1), "h": f(6, 1, 1)}, ["deconv 6 2x2 groups=3"]),
    ([node("Conv", "x w", "c"), node("Add", "c h", "y")], {"w": f(4, 3, 3, 3), "h": f(4, 1, 1)}, ["conv 4 3x3 valid"]),
    ([node("Conv", "x w", "c"), node("Mul", "c g", "y")], {"w": f(4, 3, 3, 3), "g": f(4, 1, 1)}, ["conv 4 3x3 valid bias=no", "scale"]),
    ([node("Conv", "x w b", "c"), node("Add", "c h", "y")], {"w": f(4, 3, 3, 3), "b": f(4), "h": f(4, 1, 1)},
     ["conv 4 3x3 valid", "shift"]),
])
def test_numbers_behind_a_convolution(nodes: Any, constants: dict[str, Any], wanted: list[str], tmp_path: Path) -> None:
    assert [str(n.op) for n in imported(model(nodes, constants, (2, 3, 6, 6)), tmp_path)[1].graph.nodes[1:]] == wanted


@pytest.mark.parametrize(("nodes", "constants", "wanted"), [
    ([node("ReduceMean", "x one", "m"), node("Sub", "x m", "d"), node("Pow", "d two", "s"), node("ReduceMean", "s one", "v"),
      node("Add", "v eps", "e"), node("Sqrt", "e", "r"), node("Div", "d r", "q"), node("Mul", "q w", "p"), node("Add", "p b", "y")],
     {"one": np.array([1]), "two": np.float32(2), "eps": np.float32(1e-6), "w": f(3, 1, 1), "b": f(3, 1, 1)},
     ["layer_norm eps=1e-06 channels"]),
    ([node("Slice", "x -1 big three", "e"), node("Slice", "x zero one three", "s"), node("Concat", "e x s", "a", axis=3),
      node("Slice", "a -1 big twos", "e2"), node("Slice", "a zero one twos", "s2"), node("Concat", "e2 a s2", "b", axis=2),
      node("Conv", "b w", "y")],
     {"-1": np.array([-1]), "1": np.array([-1]), "big": np.array([2**62]), "three": np.array([3]), "twos": np.array([2]),
      "zero": np.array([0]), "one": np.array([1]), "w": f(4, 3, 3, 3)}, ["conv 4 3x3 bias=no circular"]),
    ([node("Gather", "x k", "g", axis=3), node("Relu", "g", "y")], {"k": np.int64(-1)}, ["crop [(0, 0), (5, 0)]", "reshape 3x6", "relu"]),
    ([node("Gather", "x k", "y", axis=1)], {"k": np.array([1, 2])}, ["channels 1..2"]),
    ([node("Clip", "x lo", "y")], {"lo": np.float32(-0.5)}, ["threshold -0.5 value=-0.5"]),
    ([onnx.helper.make_node("Clip", ["x", "", "lo"], ["r"]), node("Relu", "r", "q"), node("Add", "q x", "y")], {"lo": np.float32(0)},
     ["threshold 0 below", "relu", "add"]),
    ([node("Conv", "x w", "c"), node("Reshape", "c s", "r"), node("Squeeze", "r one", "y")],
     {"w": f(1, 3, 6, 6), "s": np.array([-1, 1]), "one": np.array([1])}, ["conv 1 6x6 valid bias=no", "flatten"]),
])
def test_what_exporters_take_apart(nodes: Any, constants: dict[str, Any], wanted: list[str], tmp_path: Path) -> None:
    assert [str(n.op) for n in imported(model(nodes, constants, (2, 3, 6, 6)), tmp_path)[1].graph.nodes[1:]] == wanted


def test_outputs_stand_where_they_branch_off(tmp_path: Path) -> None:
    """A pyramid: its levels are outputs, in another order than they are computed in."""
    nodes = [node("Conv", "x w0", "a", pads=[1, 1, 1, 1], strides=[2, 2]), node("Conv", "a w1", "b", pads=[1, 1, 1, 1], strides=[2, 2]),
             node("Conv", "b v1", "p"), node("Conv", "p u1", "low"), node("Resize", "p - s", "up", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
             node("Conv", "a v0", "l"), node("Add", "l up", "q"), node("Conv", "q u0", "high")]
    constants = {"w0": f(4, 3, 3, 3), "w1": f(8, 4, 3, 3), "v1": f(5, 8, 1, 1), "u1": f(2, 5, 1, 1), "v0": f(5, 4, 1, 1),
                 "u0": f(2, 5, 1, 1), "s": np.array([1, 1, 2, 2], np.float32)}
    made = model(nodes, constants, (2, 3, 8, 8), out="high")
    made.graph.output.extend([netspec_info("low"), netspec_info("a")])
    text, net = imported(made, tmp_path)
    assert text.splitlines()[-14:] == """\
default conv bias=no

net a:
  input 3x8x8
  x1: conv 4 3x3 /2
  output a
  conv 8 3x3 /2
  conv 5 1x1
  output low: conv 2 1x1
  x2: up 2
  @x1 -> conv 5 1x1
  add @x2
  conv 2 1x1
  output high""".splitlines()
    assert set(net.predict(f(2, 3, 8, 8))) == {"high", "low", "a"}


def netspec_info(name: str) -> Any:
    return onnx.helper.make_tensor_value_info(name, 1, None)


def test_a_flat_text_has_a_line_for_a_convolution_with_its_words(tmp_path: Path) -> None:
    nodes = [node("Conv", "x w", "c"), node("BatchNormalization", "c g b m v", "n"), node("Relu", "n", "r"), node("Conv", "r k", "d"),
             node("Relu", "d", "e"), node("Add", "r e", "s"), node("Conv", "s k", "t"), node("Add", "e t", "z"), node("Mul", "z r", "y")]
    constants = {"w": f(4, 3, 1, 1), "g": f(4), "b": f(4), "m": f(4), "v": abs(f(4)), "k": f(4, 4, 1, 1)}
    text, _ = imported(model(nodes, constants, (2, 3, 4, 4)), tmp_path)
    assert "  relu_1: conv 4 1x1 bn relu\n" in text and "reuse @" in text
