"""What exporters write with several operators comes in as layers, and computes what the file computes (which import compares)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_onnx_import import model, node, read_in, steps

import netspec
from netspec.diagnostics import NetspecError

pytest.importorskip("onnx")
pytestmark = pytest.mark.onnx

NUMBERS = {"t": np.float32(0.5), "u": np.float32(-0.5), "zero": np.float32(0), "one": np.float32(1), "two": np.float32(2)}
HARD = ["threshold 0.5", "threshold -0.5 below", "add"]
SOFT = ["hardtanh low=-0.5 high=0.5", "sub"]


@pytest.mark.parametrize(("nodes", "wanted"), [
    ([node("Greater", "x t", "a"), node("Less", "x u", "b"), node("Or", "a b", "c"), node("Where", "c x zero", "y")], HARD),
    ([node("Abs", "x", "a"), node("LessOrEqual", "a t", "b"), node("Where", "b zero x", "y")], HARD),
    ([node("Shrink", "x", "y", lambd=0.5)], HARD),
    ([node("Greater", "x t", "a"), node("Sub", "x t", "b"), node("Where", "a b zero", "c"), node("Less", "x u", "d"),
      node("Add", "x t", "e"), node("Where", "d e zero", "f"), node("Add", "c f", "y")], SOFT),
    ([node("Abs", "x", "a"), node("Greater", "a t", "b"), node("Sign", "x", "c"), node("Mul", "c t", "d"), node("Sub", "x d", "e"),
      node("Mul", "x zero", "f"), node("Where", "b e f", "y")], SOFT),
    ([node("Shrink", "x", "y", lambd=0.5, bias=0.5)], SOFT),
    ([node("Softplus", "x", "a"), node("Greater", "x big", "b"), node("Where", "b x a", "y")], ["softplus"]),
    ([node("Mul", "x two", "m"), node("Softplus", "m", "s"), node("Div", "s two", "a"), node("Greater", "m big", "b"), node("Where", "b x a", "y")],
     ["scale 2", "softplus", "scale 0.5"]),
    ([node("Mul", "x x", "a"), node("Add", "a one", "b"), node("Reciprocal", "b", "y")], ["square", "shift 1", "power -1"]),
    ([node("Exp", "x", "a"), node("Div", "two a", "y")], ["exp", "power -1", "scale 2"]),
    ([node("Pow", "x three", "a"), node("Pow", "a one", "b"), node("Exp", "b", "c"), node("Pow", "c t", "y")], ["power 3", "exp", "sqrt"]),
    ([node("Min", "t x", "y")], ["threshold 0.5 value=0.5 below"]),
    ([node("Clip", "x - t", "y")], ["threshold 0.5 value=0.5 below"]),
    ([node("Relu", "x", "a"), node("Clip", "a - t", "y")], ["hardtanh low=0 high=0.5"]),
    ([node("Relu", "x", "a"), node("Clip", "a - six", "y")], ["relu6"]),
    ([node("Sigmoid", "x", "a"), node("Min", "a t", "y")], ["sigmoid", "threshold 0.5 value=0.5 below"]),
    ([node("Less", "x zero", "a"), node("Where", "a zero x", "y")], ["relu"]),
    ([node("Greater", "x zero", "a"), node("Mul", "x t", "b"), node("Where", "a x b", "y")], ["leaky 0.5"]),
    ([node("ReduceSum", "x axes", "y", keepdims=0)], ["avgpool global", "flatten", "scale 64"]),
    ([node("ReduceSum", "x first", "y")], ["mean over=channels", "scale 3"]),
    ([node("Pow", "x two", "a"), node("AveragePool", "a", "b", kernel_shape=[2, 2], strides=[2, 2]), node("Sign", "b", "c"),
      node("Abs", "b", "d"), node("Relu", "d", "e"), node("Mul", "c e", "f"), node("Mul", "f four", "g"), node("Pow", "g t", "y")], ["lppool 2"]),
    ([node("Resize", "x - half", "y", mode="linear", coordinate_transformation_mode="pytorch_half_pixel")], ["avgpool 2"]),
    ([node("Resize", "x - half", "y", coordinate_transformation_mode="asymmetric", nearest_mode="floor")], ["maxpool 1 /2"]),
    ([node("Slice", "x from to axes2 by", "y")], ["crop [(1, 0), (0, 1)]", "maxpool 1 /2x3"]),
])
def test_what_exporters_write(nodes: list[Any], wanted: list[str], tmp_path: Path) -> None:
    constants = {**NUMBERS, "big": np.float32(20), "six": np.float32(6), "three": np.float32(3), "axes": np.array([2, 3]), "first": np.array([1]),
                 "four": np.float32(4), "half": np.float32([1, 1, 0.5, 0.5]), "from": np.array([1, 0]), "to": np.array([2**40, -1]),
                 "axes2": np.array([-2, 3]), "by": np.array([2, 3])}
    used = {i for n in nodes for i in n.input}
    assert steps(model(nodes, {k: v for k, v in constants.items() if k in used}), tmp_path) == wanted


@pytest.mark.parametrize(("nodes", "constants", "named"), [
    ([node("Slice", "x from to axes by", "y")], {"from": np.array([-1]), "to": np.array([-2**40]), "axes": np.array([3]), "by": np.array([-1])},
     "n_y: Slice of 3x8x8: .*backwards"),
    ([node("Pad", "x pads", "y")], {"pads": np.array([0, 0, 0, 1, 0, 0, 0, -1])}, "n_y: Pad of 3x8x8"),
    ([node("Resize", "x - s", "y")], {"s": np.float32([1, 1, 1.5, 1.5])}, "n_y: Resize of 3x8x8: .*told the size"),
    ([node("Resize", "x - s", "y", mode="linear")], {"s": np.float32([1, 1, 0.55, 0.55])}, "n_y: Resize of 3x8x8"),
    ([node("Clip", "x lo hi", "y")], {"lo": np.float32(3), "hi": np.float32(1)}, "n_y: Clip of 3x8x8: .*the smallest result, 3, is larger"),
    ([node("Shrink", "x", "y", lambd=0.5, bias=0.25)], {}, "n_y: Shrink of 3x8x8"),
    ([node("LayerNormalization", "x w", "y", axis=-1)], {"w": np.ones(8, np.float32)}, "n_y: LayerNormalization of 3x8x8: .*permute"),
])
def test_what_is_none_of_these_is_named(nodes: list[Any], constants: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(NetspecError, match=named):
        read_in(model(nodes, constants), tmp_path)


def places(w: int, o: int) -> tuple[Any, Any, Any]:
    """Of each window the places that PyTorch's exporter gathers, which of them are outside, and how many are in."""
    first, last = np.arange(o) * w // o, -(-(np.arange(o) + 1) * w // o)
    longest = int((last - first).max())
    at = first[:, None] + np.arange(longest)
    return np.minimum(at, w - 1), at >= last[:, None], (last - first).astype(np.float32)


@pytest.mark.parametrize("right", [True, False])
def test_uneven_windows_that_are_gathered(right: bool, tmp_path: Path) -> None:
    """As PyTorch's newer exporter writes AdaptiveAvgPool2d((5, 3)); with another divisor it is no such pool, and refused."""
    (rows, no_row, many), (columns, no_column, across) = places(8, 5), places(8, 3)
    grid = np.stack(np.broadcast_arrays(rows[:, :, None, None], columns), -1)
    nodes = [node("Transpose", "x", "t", perm=[2, 3, 0, 1]), node("GatherND", "t at", "g"), node("Transpose", "g", "i", perm=[4, 5, 0, 1, 2, 3]),
             node("Where", "r zero i", "m"), node("Where", "c zero m", "w")]
    parts = []
    for a in range(rows.shape[1]):
        nodes.append(node("Gather", f"w k{a}", f"a{a}", axis=3))
        for b in range(columns.shape[1]):
            nodes.append(node("Gather", f"a{a} k{b}", f"b{a}{b}", axis=4))
            parts.append(f"b{a}{b}")
    for k, p in enumerate(parts[1:]):
        nodes.append(node("Add", f"{parts[0] if k == 0 else f's{k - 1}'} {p}", f"s{k}"))
    nodes.append(node("Div", f"s{len(parts) - 2} n", "y"))
    constants = {"at": grid.astype(np.int64), "r": no_row[:, :, None, None], "c": no_column, "zero": np.float32(0),
                 "n": many[:, None] * across + (not right), **{f"k{k}": np.int64(k) for k in range(4)}}
    made = model(nodes, constants, ("n", 3, 8, 8))
    if right:
        assert steps(made, tmp_path) == ["avgpool to=5x3"]
        return
    with pytest.raises(NetspecError, match="GatherND"):
        read_in(made, tmp_path)


def test_windows_of_one_place_that_are_gathered(tmp_path: Path) -> None:
    """As PyTorch's newer exporter writes AdaptiveAvgPool2d(6) of 2x2: AlexNet on small pictures."""
    at, _, _ = places(2, 6)
    grid = np.stack(np.broadcast_arrays(at[:, :, None, None], at), -1)
    nodes = [node("Transpose", "x", "t", perm=[2, 3, 0, 1]), node("GatherND", "t at", "g"), node("Transpose", "g", "i", perm=[4, 5, 0, 1, 2, 3]),
             node("ReduceMean", "i axes", "y", keepdims=0)]
    assert steps(model(nodes, {"at": grid.astype(np.int64), "axes": np.array([-1, -3])}, ("n", 3, 2, 2)), tmp_path) == ["avgpool to=6"]


def test_sizes_that_fit_are_found_where_the_file_leaves_them_open(tmp_path: Path) -> None:
    """A net whose fully connected layer fits one size; where none fits, the node is named with what it reads."""
    nodes = [node("Conv", "x w", "c", strides=[4, 4]), node("Flatten", "c", "f"), node("Gemm", "f v", "y", transB=1)]
    rng = np.random.default_rng(0)
    for size, fits in ((48, True), (1000, False)):
        many = 4 * (-(-(size - 2) // 4)) ** 2
        made = model(nodes, {"w": np.float32(rng.standard_normal((4, 3, 3, 3))), "v": np.float32(rng.standard_normal((5, many)))}, ("n", 3, "h", "w"))
        if fits:
            read_in(made, tmp_path)
            assert "input 3x48x48" in (tmp_path / "a.net").read_text()
        else:
            with pytest.raises(NetspecError, match=r"(?s)n_y: Gemm of 12544: .*--input 3x48x320"):
                read_in(made, tmp_path)


@pytest.mark.parametrize(("shapes", "hint"), [([("n", 1, "w")], "--input 1x48"), ([("n", 2, 5, "w")], "--input 2x5x48"),
                                              ([("n", 4, "d", "h", "w")], "--input 4x48x320x16"),
                                              ([("n", 2, "w"), ("n", 2, 7)], "--input x.0=2x48")])
def test_the_sizes_that_are_asked_for_are_the_files_own(shapes: list[Any], hint: str, tmp_path: Path) -> None:
    whole = [node("Flatten", f"x.{k}", f"f{k}") for k in range(len(shapes))]
    onnx = pytest.importorskip("onnx")
    made = model([*whole, node("Concat", " ".join(f"f{k}" for k in range(len(shapes))), "c", axis=1), node("Gemm", "c v", "y")],
                 {"v": np.ones((1009, 5), np.float32)}, shapes[0])
    del made.graph.input[:]
    made.graph.input.extend(onnx.helper.make_tensor_value_info(f"x.{k}", 1, shape) for k, shape in enumerate(shapes))
    with pytest.raises(NetspecError, match=f"  {hint}  says"):
        read_in(made, tmp_path)


@pytest.mark.torch
@pytest.mark.parametrize(("layer", "wanted"), [("GELU('tanh')", ["gelu tanh"]), ("LocalResponseNorm(4, 0.01)", ["lrn 4 alpha=0.01"]),
                                               ("GroupNorm(2, 4)", ["group_norm 2"]), ("PixelUnshuffle(2)", ["unshuffle 2"]),
                                               ("Softsign()", ["softsign"]), ("Hardswish()", ["hardswish"]), ("Softshrink()", SOFT), ("Hardshrink()", HARD),
                                               ("Softplus(2)", ["scale 2", "softplus", "scale 0.5"]),
                                               ("LPPool2d(2, 3, 2)", ["lppool 3 /2"]), ("LogSigmoid()", ["sigmoid", "log"])])
def test_what_pytorch_takes_apart(layer: str, wanted: list[str], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "m.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(eval(layer, vars(torch.nn)).eval(), torch.zeros(1, 4, 8, 8), str(path), dynamo=False, opset_version=17)
    assert [str(n.op) for n in netspec.import_onnx(path, device="reference").graph.nodes[1:]] == wanted
