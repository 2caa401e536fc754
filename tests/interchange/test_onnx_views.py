"""Views of an example come back from files: ours, and those of a program that reshapes as it likes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_onnx_import import V, W, back, isomorphic, model, node, read_in

import netspec
from netspec.diagnostics import NetspecError

pytest.importorskip("onnx")
pytestmark = pytest.mark.onnx

OURS = {
    "mean": "net a:\n  input 4x3x8x8\n  each v: conv 8 3x3 relu -> avgpool global\n  mean over=v\n  fc 5\n",
    "vectors": "net a:\n  input 7x5\n  each v:\n    fc 8 relu\n  max over=v\n  fc 5\n",
    "two inputs": "net a:\n  input left 3x2x8x8\n  input right 5x2x8x8\n  max:\n    | @left -> each v: conv 4 3x3\n      max over=v\n"
                  "    | @right -> each v: conv 4 3x3\n      max over=v\n  fc 5\n",
    "not first": "net a:\n  input 3x6x8x8\n  permute 1x0x2x3\n  each v:\n    conv 4 3x3 relu\n    residual: conv 4 3x3\n    avgpool global\n"
                 "  min over=v\n  fc 5\n",
    "twice, with a name": "net a:\n  input 6x3x8x8\n  f: each v:\n    conv 4 3x3 relu\n  each v:\n    conv 4 3x3 relu\n  max over=v\n  fc 5\n",
    "in a block": "block b(n):\n  each v:\n    conv n 3x3 relu\n    x: conv 8 3x3\nnet a:\n  input 6x3x8x8\n  b 4\n  b 5\n  each w: maxpool 2\n"
                  "  max over=w\n  fc 5\n",
    "open sizes": "net a:\n  input 4x3x?x?\n  each v:\n    conv 4 3x3 relu\n    avgpool global\n  max over=v\n  fc 5\n",
    "volumes": "net a:\n  input 4x3x6x6x6\n  each v:\n    conv 4 3x3x3 relu\n    avgpool global\n  max over=v\n  fc 5\n",
    "one view": "net a:\n  input 1x3x8x8\n  each v:\n    conv 4 3x3 relu\n    avgpool global\n  max over=v\n  fc 5\n",
    "pooled twice": "net a:\n  input 5x3x8x8\n  each v:\n    conv 5 3x3 relu\n    avgpool global\n  j: skip\n  max over=v\n  m: skip\n"
                    "  @j -> mean over=v -> add @m\n  fc 5\n",
    "weights of both": "net a:\n  input left 4x3x8x8\n  input right 4x3x8x8\n  @left\n  each v:\n    f: conv 4 3x3 relu -> conv 4 3x3\n"
                       "  l: max over=v\n  @right\n  each v:\n    reuse @f\n  max over=v\n  sub @l\n  fc 5\n",
}


@pytest.mark.parametrize("name", OURS)
def test_views_come_back_with_their_names(name: str, tmp_path: Path) -> None:
    graph = netspec.load_graph(text=OURS[name]).graph
    again = netspec.load_graph(text=back(graph, tmp_path).text).graph
    assert isomorphic(graph, again)
    assert {p.name for p in again.parameters} == {p.name for p in graph.parameters}


SHAPE = ("n", 4, 3, 6, 6)
CONV = node("Conv", "flat w", "c")
OPEN = node("Reshape", "x open", "flat")
OTHERS: dict[str, tuple[list[Any], dict[str, Any], Any, list[str]]] = {
    "joined, then pooled": (
        [OPEN, CONV, node("Reshape", "c close", "j"), node("ReduceMax", "j one", "y", keepdims=0)],
        {"open": [-1, 3, 6, 6], "close": [-1, 4, 4, 4, 4]}, SHAPE,
        ["split_views", "conv 4 3x3 valid bias=no", "join_views", "max over=view"]),
    "laid flat as they are joined": (
        [OPEN, CONV, node("Reshape", "c close", "j"), node("ReduceMean", "j one", "y", keepdims=0)],
        {"open": [-1, 3, 6, 6], "close": [-1, 4, 64]}, SHAPE,
        ["split_views", "conv 4 3x3 valid bias=no", "flatten", "join_views", "mean over=view"]),
    "all numbers of all views": (
        [OPEN, CONV, node("Reshape", "c close", "f"), node("Gemm", "f v", "y", transB=1)],
        {"open": [-1, 3, 6, 6], "close": [-1, 256], "v": V}, SHAPE,
        ["split_views", "conv 4 3x3 valid bias=no", "join_views", "fc 5 bias=no"]),
    "channels of views": (
        [OPEN, CONV, node("Reshape", "c close", "j"), node("ReduceMin", "j one", "y", keepdims=0)],
        {"open": [-1, 3, 6, 6], "close": [-1, 2, 4, 4, 4]}, ("n", 6, 6, 6),
        ["reshape 2x3x6x6", "split_views", "conv 4 3x3 valid bias=no", "join_views", "min over=view"]),
    "of a batch of one": (
        [OPEN, CONV, node("Reshape", "c close", "j"), node("ReduceMax", "j one", "y", keepdims=0)],
        {"open": [-1, 3, 6, 6], "close": [1, 4, 4, 4, 4]}, (1, *SHAPE[1:]),
        ["split_views", "conv 4 3x3 valid bias=no", "join_views", "max over=view"]),
    "behind the channels": (
        [node("Transpose", "x", "t", perm=[0, 2, 1, 3, 4]), node("Reshape", "t open", "flat"), CONV,
         node("Reshape", "c close", "j"), node("ReduceMax", "j one", "y", keepdims=0)],
        {"open": [-1, 3, 6, 6], "close": [-1, 4, 4, 4, 4]}, ("n", 3, 4, 6, 6),
        ["permute 1x0x2x3", "split_views", "conv 4 3x3 valid bias=no", "join_views", "max over=view"]),
}


@pytest.mark.parametrize("name", OTHERS)
def test_views_of_another_program(name: str, tmp_path: Path) -> None:
    nodes, constants, shape, wanted = OTHERS[name]
    arrays = {k: np.int64(v) if isinstance(v, list) else v for k, v in constants.items()}
    net = read_in(model(nodes, {"one": np.int64([1]), "w": W, **arrays}, shape), tmp_path)  # compared with what the file computes
    assert [str(n.op) for n in net.graph.nodes[1:]] == wanted


@pytest.mark.parametrize(("nodes", "close", "shape", "named"), [
    ([OPEN, node("Conv", "flat w", "y")], [], SHAPE, "the output y has 4 images for each example"),
    ([node("Conv", "x w", "c"), node("Reshape", "c close", "j"), node("ReduceMax", "j one", "y", keepdims=0)], [-1, 3, 4, 4, 4],
     (4, 3, 6, 6), "n_j: Reshape .*views|the shapes of the file do not agree"),
])
def test_views_that_are_no_axis_of_an_example_are_named(nodes: list[Any], close: list[int], shape: Any, named: str,
                                                        tmp_path: Path) -> None:
    constants = {"one": np.int64([1]), "w": W, "open": np.int64([-1, 3, 6, 6]), "close": np.int64(close)}
    with pytest.raises(NetspecError, match=named):
        read_in(model(nodes, constants, shape), tmp_path)


@pytest.mark.parametrize(("batch", "first"), [(4, -1), (12, -1), ("n", -1), (4, 1), (12, 3), ("n", 1), ("n", 3)])
@pytest.mark.parametrize("inside", ["images", "vectors"])
def test_views_that_are_the_batch_of_a_file_are_an_axis_of_the_text(batch: int | str, first: int, inside: str,
                                                                    tmp_path: Path) -> None:
    """As a multi-view network of PyTorch has them: its batch is (examples * views), `y.view(n, views, ...)` takes it apart."""
    shape = [first, 4, 4, 4, 4] if inside == "images" else [first, 4, 4]
    pooled = [node("GlobalAveragePool", "c", "g"), node("Flatten", "g", "f")] if inside == "vectors" else []
    nodes = [node("Conv", "x w", "c"), *pooled, node("Reshape", f"{'f' if pooled else 'c'} close", "j"),
             node("ReduceMax", "j one", "y", keepdims=0)]
    net = read_in(model(nodes, {"one": np.int64([1]), "w": W, "close": np.int64(shape)}, (batch, 3, 6, 6)), tmp_path)
    assert "  input 4x3x6x6\n  each view:" in (tmp_path / "a.net").read_text()
    assert [str(n.op) for n in net.graph.nodes[1:3]] == ["split_views", "conv 4 3x3 valid bias=no"]


def test_a_reshaping_that_is_no_view_stays_one(tmp_path: Path) -> None:
    """Where nothing is done to one view by itself, a batch is a batch."""
    with pytest.raises(NetspecError):
        read_in(model([node("Reshape", "x to", "y")], {"to": np.int64([2, 3, 2, 2])}, (6, 2, 2)), tmp_path)
