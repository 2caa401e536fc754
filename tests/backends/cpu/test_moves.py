"""Moves: flatten, reshape, shuffle, images of their own. Right against the reference, and no code where layouts allow."""

from __future__ import annotations

import numpy as np
import pytest
from test_layers import EXAMPLES, graph_of
from test_places import both

import netspec
from netspec.backends.cpu.executor import CpuExecutor
from netspec.backends.cpu.families.step import Step
from netspec.backends.cpu.plan import plan, target_and_store
from netspec.elaborate.nets import callable_nets
from netspec.ir.formula import Formula
from netspec.ir.graph import Graph, Node
from netspec.ir.moves import move_of
from netspec.ir.types import TensorType
from netspec.passes.differentiate import cotangent_program, training_program
from netspec.passes.infer_shapes import infer_shapes
from netspec.passes.lower import lower
from netspec.passes.objective import Term
from netspec.runtime.train.recipe import recipe_of
from netspec.syntax.load import read_source, specs_folder
from netspec.syntax.parser import parse
from netspec.syntax.tree import Variant
from netspec.words.layer import Example
from sweeps import one_of_each, the_first

NETS = {
    "flatten": "input 3x4x6\n  conv 20 3x3 tanh\n  flatten\n  tanh\n  fc 7",
    "flatten of one place": "input 3x4x6\n  conv 20 3x3 tanh\n  avgpool global\n  flatten\n  tanh\n  fc 7",
    "reshape between": "input 3x4x6\n  conv 20 3x3 tanh\n  reshape 6x8x10\n  conv 5 3x3\n  fc 3",
    "reshape to three axes": "input 24\n  fc 48 tanh\n  reshape 4x3x2x2\n  conv 5 3x3x3\n  fc 3",
    "reshape of a vector": "input 24\n  fc 20 tanh\n  reshape 20x1x1\n  conv 17 3x3 tanh\n  flatten\n  tanh",
    "shuffle": "input 3x4x6\n  conv 24 3x3\n  shuffle 2\n  conv 5 3x3",
    "ends": "input 3x4x6\n  reshape 12x6\n  flatten",
    "ends between": "input 72\n  reshape 3x4x6\n  conv 20 3x3 relu\n  reshape 12x40",
    "channels": "input 3x4x6\n  conv 40 3x3\n  a: relu\n  channels 16..31\n  conv 5 3x3\n  concat @a",
}
VIEWS = {
    "max": "input (3, 2, 6, 6)\n  each v:\n    conv 20 3x3 bn relu\n    maxpool 2\n  max over=v\n  conv 7 3x3\n  fc 4",
    "min, straight after a convolution": "input (3, 2, 6, 6)\n  each v:\n    conv 20 3x3\n  min over=v\n  conv 7 3x3",
    "mean": "input (4, 2, 5, 3)\n  each v:\n    conv 33 3x3 tanh\n  mean over=v\n  fc 4",
    "rows": "input (3, 2, 9)\n  each v:\n    conv 20 3 tanh\n  max over=v\n  fc 4",
    "vectors": "input (3, 7)\n  each v:\n    fc 20 tanh\n  max over=v\n  fc 4",
    "views in the middle": "input 12x4x4\n  conv 12 3x3\n  reshape 3x2x8x4\n  each v:\n    conv 20 3x3\n  max over=v",
    "views that stay": "input (3, 2, 6, 6)\n  each v:\n    conv 20 3x3\n    maxpool 2\n  fc 4",
}


def steps(net: CpuExecutor, kind: str) -> list[Node]:
    return [n for e in net.entries.values() for n in e.program.nodes if isinstance(n.op, Step) and n.op.kind == kind]


@pytest.mark.parametrize(("name", "dtype"), one_of_each(
    [*((name, "float64") for name in (*NETS, *VIEWS)),
     *((name, "float32") for name in ("flatten", "reshape between", "shuffle", "channels", "max", "views in the middle"))],
    lambda name, dtype: dtype == "float64" and name in VIEWS, 3))
def test_moves_agree_with_the_reference(name: str, dtype: str) -> None:
    graph = netspec.load_graph(text=f"net n:\n  {(NETS | VIEWS)[name]}\n").graph
    tolerance = 1e-12 if dtype == "float64" else 3e-5
    for samples in (1, 5):
        net = both(graph, dtype, samples=samples, tolerance=tolerance)
        assert not steps(net, "loop")


@pytest.mark.parametrize("name", ["max", "min, straight after a convolution", "mean", "rows", "vectors", "flatten of one place",
                                  "channels", "ends", "ends between"])
def test_a_move_that_a_layout_can_say_is_no_code(name: str) -> None:
    net = both(netspec.load_graph(text=f"net n:\n  {(NETS | VIEWS)[name]}\n").graph)
    assert all(n.op.idle for n in steps(net, "move"))
    assert not any(getattr(c, "method", "") == "move" for e in net.entries.values() for c in e.schedule.main.calls)


def test_what_goes_element_by_element_comes_before_a_flatten() -> None:
    """So that fc needs none; and dropout draws the same mask."""
    found = []
    for flatten in ("", "\n  flatten", "\n  reshape 6x16\n  flatten"):
        net = netspec.compile(
            text=f"net n:\n  input 3x4x4\n  conv 6 3x3{flatten}\n  dropout 0.4 -> tanh\n  fc 5\ntrain n:\n  loss cross_entropy\n  sgd lr=0.1\n")
        rng = np.random.default_rng(0)
        found.append(net.loss_and_gradients(rng.standard_normal((4, 3, 4, 4)), rng.integers(0, 5, 4)))
        graph = netspec.load_graph(text=f"net n:\n  input 3x4x4\n  conv 6 3x3{flatten}\n  dropout 0.4 -> tanh\n  fc 5\n").graph
        assert "move" not in [n.op.kind for n in fused(graph, "gradients") if isinstance(n.op, Step)]
    for loss, gradients in found:
        assert loss == found[0][0]
        for k, g in gradients.items():
            np.testing.assert_array_equal(g, found[0][1][k])


def test_one_kernel_copies_every_move() -> None:
    net = both(
        netspec.load_graph(text=f"net n:\n  {NETS['reshape between']}\n  reshape 3x1x1\n  up 4\n  flatten\n  tanh\n").graph)
    assert sum(not n.op.idle for n in steps(net, "move")) > 3
    assert len({c.kernel for e in net.entries.values() for c in e.schedule.main.calls if c is not None and c.method == "move"}) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(("text", "over", "x", "y", "known", "same"), [
    ("y[n,8*c+4*h+w] = x[n,c,h,w]", {}, TensorType((3, 2, 4)), TensorType((24,)), True, True),
    ("y[n,8*c+w+4*h] += x[n,c,h,w]", {}, TensorType((3, 2, 4)), TensorType((24,)), True, True),
    ("y[n,c+3*h+6*w] = x[n,c,h,w]", {}, TensorType((3, 2, 4)), TensorType((24,)), True, False),
    ("y[3*n+v,c] = x[n,v,c]", {}, TensorType((3, 5)), TensorType((5,), 3), True, True),
    ("y[n,c+2] = x[n,c]", {}, TensorType((3,)), TensorType((5,)), True, False),
    ("y[n,c+h] = x[n,c,h]", {}, TensorType((3, 2)), TensorType((4,)), False, False),  # two to one place
    ("y[n,c] = x[n,c+1]", {}, TensorType((3,)), TensorType((3,)), False, False),  # past the end
    ("y[n,c] = x[n,c] * 2.0", {}, TensorType((3,)), TensorType((3,)), False, False),
    ("y[n,c] += x[n,c,h]", {}, TensorType((3, 2)), TensorType((3,)), False, False),
])
def test_what_a_move_is(text: str, over: dict[str, int], x: TensorType, y: TensorType, known: bool, same: bool) -> None:
    move = move_of(Formula(text, tuple(over.items())), (x,), y)
    assert (move is not None) == known
    assert move is None or move.keeps_order(x, y) == same


class Fused(Exception):
    """The program as `fuse` leaves it: what comes after does not change the kinds of its steps."""


def fused(graph: Graph, entry: str, terms: tuple[Term, ...] = ()) -> Graph:
    """Gradients of the losses, or where there are none of the outputs, and then of the inputs as well."""
    def stop(name: str, program: Graph) -> None:
        if name == "fuse":
            raise Fused(program)

    program = lower(False)(graph) if entry == "predict" else training_program(graph,
                                                                              terms) if terms else cotangent_program(graph,
                                                                                      training=True, inputs=True)
    target, store = target_and_store(graph, "float32")
    try:
        plan(program, target, store, fold=entry == "predict", after=stop)
    except Fused as found:
        return found.args[0]  # type: ignore[no-any-return]
    raise AssertionError("nothing was fused")


def loops(program: Graph) -> list[str]:
    return [str(n) for n in program.nodes if isinstance(n.op, Step) and n.op.kind == "loop"]


def nets() -> list[str]:
    """Every net of the shipped specs that needs no arguments and whose sizes are known, and the first variant of each that needs
    some."""
    out: list[str] = []
    for path in sorted(specs_folder().glob("*.net")):
        called: set[str] = set()
        for net in callable_nets(parse(read_source(path))):
            if isinstance(net, Variant):
                if net.call.name not in called:
                    out.append(f"{path.name}:{net.name}")
                called.add(net.call.name)
            elif all(p.default is not None for p in net.params):
                out.append(f"{path.name}:{net.name}")
                called.add(net.name)
    return out


@pytest.mark.parametrize("entry", the_first(1, ["gradients", "predict"]))
@pytest.mark.parametrize("net", the_first(12, nets()))
def test_no_shipped_spec_runs_a_plain_loop(net: str, entry: str) -> None:
    path, _, name = net.partition(":")
    graph = netspec.load_graph(specs_folder() / path, name).graph
    if not all(n.type.known for n in graph.inputs):
        sizes = {n.name: "x".join(str(s or 64) for s in n.type.shape) for n in graph.inputs}
        graph = netspec.load_graph(specs_folder() / path, name, input=sizes).graph
    assert not loops(fused(infer_shapes()(graph), entry, recipe_of(graph).terms))


# weights that are made, and a number of their own for every place
LOOPS = ("conv 3 2x2 valid table=", "layer_norm", "prelu elements")


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_layer_is_a_plain_loop(example: Example) -> None:
    if example.spec.startswith(LOOPS):
        return
    graph = graph_of(example)
    for entry in ("predict", "gradients"):
        assert not loops(fused(graph, entry))


def test_the_layers_that_are_plain_loops_are_named_one_by_one() -> None:
    every: list[Example] = [e.values[0] for e in EXAMPLES]  # type: ignore[misc]
    left = {start for start in LOOPS for e in every if e.spec.startswith(start) and loops(fused(graph_of(e), "gradients"))}
    assert left == set(LOOPS)
