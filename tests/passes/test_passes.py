"""A pass changes no numbers: both sides of every rewrite are executed, by the interpreter, in float64."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np
import pytest

import netspec.losses  # noqa: F401
from netspec import compiler
from netspec import passes as shared
from netspec.backends.cpu import pipeline as pipeline_of_cpu
from netspec.backends.cpu.families.step import Step, unfused
from netspec.backends.cpu.passes.fold_batchnorm import fold_batchnorm
from netspec.backends.cpu.passes.fuse import fuse
from netspec.backends.cpu.passes.line_up import line_up
from netspec.backends.cpu.passes.prepare import prepare
from netspec.backends.cpu.plan import plan_entry, program_after
from netspec.backends.reference.interpret import run
from netspec.diagnostics import UsageError
from netspec.ir.formula import Formula
from netspec.ir.graph import Graph, Input, Node, Parameter, Value
from netspec.ir.layout import Target
from netspec.ir.types import TensorType
from netspec.passes.absorb_moves import absorb_moves
from netspec.passes.common_subexpressions import common_subexpressions
from netspec.passes.differentiate import training_program
from netspec.passes.drop_dead import drop_dead
from netspec.passes.infer_shapes import infer_shapes
from netspec.passes.lower import lower
from netspec.passes.objective import Term
from netspec.passes.said import Said, said
from netspec.passes.split_sums import split_sums
from netspec.runtime.train.recipe import recipe_of
from netspec.words.layer import Layer
from netspec.words.loss import LOSSES
from pipelines import names, pipelines, walk
from small import Net, sequence
from sweeps import the_first
from where import CORPUS

TARGET = Target("cpu", 64, 8)
SAMPLES = 3


def residual() -> Graph:
    net = Net({"x": (3, 9, 8)})
    net("conv 8 3x3 bias=no")
    net("bn")
    start = net("relu")
    net("conv 8 3x3")
    net("bn")
    net(f"add @{start}")
    net("relu")
    net("maxpool 3 /2 same")
    net("avgpool 2")
    net("fc 5")
    return net.graph()


NETS = {
    "residual": residual,
    "lenet": lambda: sequence(["conv 4 5x5 pad=2", "tanh", "avgpool 2", "conv 6 3x3 valid", "relu", "maxpool 2", "fc 7",
                               "sigmoid", "fc 4"], x=(1, 12, 12)),
    "normed vectors": lambda: sequence(["fc 6", "bn", "relu", "dropout 0.4", "fc 4"], x=(2, 3, 3)),
    "grouped": lambda: sequence(["conv 8 3x3 groups=4 bias=no", "bn", "conv 8 3x3 groups=8", "maxpool global", "fc 3"],
                                x=(4, 6, 5)),
}


def values_for(program: Graph, classes: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    out: dict[str, Any] = {}
    for n in program.nodes:
        if isinstance(n.op, Parameter):
            out[n.name] = np.abs(
                rng.standard_normal(n.type.shape)) + 0.5 if n.name.endswith(".var") else rng.standard_normal(n.type.shape)
        elif isinstance(n.op, Input):
            shape = (SAMPLES * n.type.batch, *n.type.shape) if n.type.batch else n.type.shape
            out[n.name] = rng.integers(0, classes,
                                       shape).astype(
                                           float) if n.op.role == "target" else np.array(
                                               [5]) if n.op.role == "scalar" else rng.standard_normal(shape)
    return out


def results(program: Graph, values: dict[str, Any]) -> dict[str, Any]:
    if program.prepared is not None:
        made = run(program.prepared, values, SAMPLES)
        values = values | {v: made[v] for v, _ in program.prepared.outputs}
    env = run(unfused(program), values, SAMPLES)
    out = {k: env[v] for k, v in program.outputs} | {f"d.{k}": env[v] for k, v in program.gradients}
    return out | {f"new {n.effect}": env[n.name] for n in program.nodes if n.effect}


def same(a: dict[str, Any], b: dict[str, Any], after: str) -> None:
    """`after` names the pass. Arrays from outside are row-major, whatever their shape (`absorb_moves`)."""
    assert a.keys() == b.keys()
    for k in a:
        np.testing.assert_allclose(a[k].ravel(), b[k].ravel(), rtol=1e-10, atol=1e-11, err_msg=f"{k} after {after}")


@pytest.mark.parametrize("name", the_first(1, sorted(NETS, key=lambda name: name != "residual")))
@pytest.mark.parametrize("pipeline", pipelines())
def test_a_pass_changes_no_numbers(pipeline: str, name: str) -> None:
    """Every pass of every pipeline: what the program before it computes, the one after it does."""
    graph, want, values = NETS[name](), None, {}
    classes = graph.values[graph.outputs[0][1]].type.shape[0] or 0
    for name_, before, after in walk(graph, pipeline, (Term(LOSSES["cross_entropy"](), "out"),), item=8):
        if any(isinstance(n.op, Layer) for n in before.nodes) and not any(isinstance(n.op, Layer) for n in after.nodes):
            values = values_for(after, classes)  # the first program
            continue
        if not values:
            continue  # a network of layers still: test_layers executes both sides of `lower`
        values = values_for(after, classes) | values
        got, want = results(after, values), results(before, values)
        same({k: v for k, v in got.items() if k in want}, want, name_)
    assert want and all(isinstance(n.op, Step | Input | Parameter) for n in after.nodes) == pipeline.startswith("cpu")


def test_every_pass_shows_what_it_does() -> None:
    files = {p.stem for p in (CORPUS / "passes").glob("*.txt")}
    assert files == set(names()), "write a spec and a line ---- to tests/corpus/passes/PASS.txt, and run pytest --update"


def touched(graph: Graph) -> Graph:
    """A pass that leaves its mark: the name."""
    return replace(graph, name="touched")


@pytest.mark.parametrize(("module", "pipeline", "entry"),
                         [(pipeline_of_cpu, "PREDICT", "predict"), (pipeline_of_cpu, "GRADIENTS", "gradients"),
                                                           (shared, "INFERENCE", "predict"), (shared, "TRAINING", "gradients")])
def test_a_pass_put_into_a_pipeline_shows_in_after_and_in_the_tests(monkeypatch: pytest.MonkeyPatch, module: Any, pipeline: str,
                                                                    entry: str) -> None:
    graph = residual()
    with pytest.raises(UsageError, match="no pass called touched"):
        program_after(graph, entry, (), "touched", "float32")
    monkeypatch.setattr(module, pipeline, (*getattr(module, pipeline), touched))
    assert "touched" in names()
    assert "touched" in [name for name, *_ in walk(graph, f"cpu {entry}")]
    assert str(program_after(graph, entry, (), "touched", "float32")).startswith("graph touched {")
    with pytest.raises(UsageError, match="no pass called touchde") as told:
        program_after(graph, entry, (), "touchde", "float32")
    assert "touched" in str(told.value.diagnostics[0].notes)


def test_fold_leaves_one_convolution_and_its_bias() -> None:
    program = fold_batchnorm(lower(False)(residual()))
    fused = fuse(TARGET)(prepare(drop_dead(program)))
    kinds = [n.op.kind for n in fused.nodes if isinstance(n.op, Step)]
    assert kinds == ["gather", "gather", "lanes", "gather"]
    second = [n for n in fused.nodes if isinstance(n.op, Step)][1]
    assert [m.op.how for m in second.op.nodes] == ["+=", "=", "=", "="]  # product, bias, join, relu


def test_equal_formulas_are_computed_once_and_random_ones_are_not() -> None:
    net = Net({"x": (4, 5)})
    a, net.flow = net("relu"), "x"
    b, net.flow = net("relu"), "x"
    net("dropout 0.5", "one")
    net.flow = "x"
    net("dropout 0.5", "two")
    net.flow = a
    net(f"add @{b} @one @two")
    program = common_subexpressions(lower(True)(net.graph())).verify()
    formulas = [n.op for n in program.nodes if isinstance(n.op, Formula)]
    assert sum("max(" in f.text for f in formulas) == 1
    assert len({f.anonymous.text for f in formulas if f.is_random}) == 2  # and each draws numbers of its own


def test_equal_gradients_keep_a_value_each() -> None:
    """A backend writes each into its parameter's place; what else is equal to one of them may be it."""
    x, squares = Node("x", Input("input"), (), (Value("x", TensorType((3,))),)), Value("", TensorType((3,)))
    nodes = [Node(k, Formula("y[n,c] = x[n,c] * x[n,c]"), ("x",), (replace(squares, name=k),)) for k in ("a", "b", "c", "d")]
    program = Graph("g", (x, *nodes), (("out", "a"), ("last", "d")), gradients=(("p", "b"), ("q", "c")))
    made = common_subexpressions(program).verify()
    assert len([n for n in made.nodes if isinstance(n.op, Formula)]) == 2
    assert dict(made.outputs)["out"] == dict(made.outputs)["last"]
    assert dict(made.gradients)["p"] != dict(made.gradients)["q"]


@pytest.mark.parametrize(("shape", "out", "text", "halves"), [
    ((2, 3), 2, "t[c] += x[n,c,h]", ["each[n,c] += x[n,c,h]", "t[c] += each[n,c]"]),
    ((2, 3), 1, "t[0] += x[n,c,h]", ["each[n,c] += x[n,c,h]", "image[n,0] += each[n,c]", "t[0] += image[n,0]"]),
    ((1, 3), 1, "t[0] += x[n,0,h]", ["each[n,0] += x[n,0,h]", "t[0] += each[n,0]"]),
    ((2,), 1, "t[0] += x[n,c]", ["each[n,0] += x[n,c]", "t[0] += each[n,0]"]),
    ((2,), 2, "t[c] += x[n,c]", ["t[c] += x[n,c]"]),
    ((1,), 1, "t[0] += x[n,0]", ["t[0] += x[n,0]"]),
    ((2, 3), 2, "t[c] max= x[n,c,h]", ["t[c] max= x[n,c,h]"]),
])
def test_a_sum_over_images_is_one_over_each_first(shape: tuple[int, ...], out: int, text: str, halves: list[str]) -> None:
    x = Node("x", Input(), (), (Value("x", TensorType(shape)),))
    t = Node("t", Formula(text), ("x",), (Value("t", TensorType((out,), 0)),))
    graph = Graph("sums", (x, t), (("t", "t"),)).verify()
    split = split_sums(graph).verify()
    assert [str(n.op) for n in split.nodes[1:]] == halves
    values = {"x": np.random.default_rng(0).standard_normal((SAMPLES, *shape))}
    same(results(split, values), results(graph, values), "split_sums")


def test_dead_operations_leave_and_effects_stay() -> None:
    program = training_program(residual(), (Term(LOSSES["cross_entropy"](), "out"),)).verify()
    kept = drop_dead(program)
    assert {n.effect for n in kept.nodes if n.effect} == {"bn1.mean", "bn1.var", "bn2.mean", "bn2.var"}
    assert not any(i not in kept.values for n in kept.nodes for i in n.inputs)


def test_shapes_again_for_another_size() -> None:
    graph = sequence(["conv 4 3x3 /2", "maxpool 2", "avgpool global", "fc 3"], x=(1, 16, 16))
    again = infer_shapes({"x": (1, 30, 22)})(graph).verify()
    assert again.by_name["conv1"].type.shape == (4, 15, 11)
    assert again.by_name["fc1"].type.shape == (3,)
    assert infer_shapes()(graph) == graph


@pytest.mark.parametrize("again", [drop_dead, absorb_moves, line_up(TARGET)])
def test_a_pass_that_finds_nothing_to_do_returns_its_graph(again: Any) -> None:
    program = again(common_subexpressions(training_program(infer_shapes()(residual()), (Term(LOSSES["mse"](), "out"),))))
    assert again(program) is program


def test_formulas_that_differ_in_names_alone_are_one_without_them() -> None:
    a, b = Formula("y[n,c] = x[n,c] * k[c]"), Formula("z[n,c] = y[n,c] * x[c]")
    assert a.anonymous == b.anonymous != Formula("y[n,c] = k[c] * x[n,c]").anonymous


def deep(units: int) -> Graph:
    body = (
        f"  input 16x16x16\n  repeat {units}:\n    residual:\n      conv 16 3x3 bn relu\n      conv 16 3x3 bn\n  avgpool global\n  fc 10\n")
    return compiler.load_graph(text=f"net deep:\n{body}\ntrain deep:\n  loss cross_entropy\n  sgd lr=0.01\n").graph


def test_planning_grows_as_the_network_does() -> None:
    """Counted in calls of functions, which no other work on the machine changes."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    def planned(units: int) -> int:
        nonlocal calls
        graph = deep(units)
        calls = 0
        sys.setprofile(count)
        try:
            plan_entry(graph, "gradients", recipe_of(graph).terms, "float32")
        finally:
            sys.setprofile(None)
        return calls

    planned(2)
    few, some, many = map(planned, (8, 16, 32))
    assert many - some < 2.08 * (some - few)
    assert (many - some) / 16 < 14_000  # a unit; 18,665 were made when equal layers were each asked what they mean


def test_layers_that_differ_in_names_alone_are_asked_once_what_they_mean() -> None:
    asked: list[str] = []

    def count(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_name in ("forward", "backward") and isinstance(frame.f_locals.get("self"), Layer):
            asked.append(frame.f_code.co_name)

    def times(units: int) -> list[str]:
        graph = deep(units)
        asked.clear()
        sys.setprofile(count)
        try:
            training_program(graph, recipe_of(graph).terms)
        finally:
            sys.setprofile(None)
        return sorted(asked)

    assert "backward" in times(3)
    assert times(3) == times(12)


SAID = {
    "residual": "  input 8x8x8\n  repeat 3:\n    residual:\n      conv 8 3x3 bn relu\n      conv 8 3x3 bn\n  fc 4\n  fc 4\n  fc 4\n",
    "noise": "  input 8x6x6\n  repeat 3:\n    conv 8 3x3 relu\n    dropout 0.5\n  flatten\n  fc 4\n  dropout\n  fc 4\n  dropout\n",
    "options": "  input 4x6x6\n  leaky 0.0\n  leaky -0.0\n  leaky 0.0\n  leaky 0.5\n  lrn\n  lrn\n  maxpool 2\n  maxpool 2\n  fc 4\n",
    "twice": "  input 4x6x6\n  a: relu\n  b: add @a @a\n  c: add @a @b\n  d: add @c @c\n  mul @d @d\n  mul @c @d\n  softmax\n  softmax\n  fc 4\n",
    "frozen": "  input 4x6x6\n  conv 4 3x3 bn\n  frozen:\n    conv 4 3x3 bn\n    conv 4 3x3 bn\n  conv 4 3x3 bn\n  fc 4\n",
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_written_again_is_what_each_layer_writes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = compiler.load_graph(text=f"net a:\n{SAID[name]}\ntrain a:\n  loss cross_entropy\n  sgd lr=0.01\n").graph
    again = [training_program(graph, recipe_of(graph).terms), lower(False)(graph)]
    monkeypatch.setattr(Said, "again", lambda *anything: None)
    assert again == [training_program(graph, recipe_of(graph).terms), lower(False)(graph)]


def test_nothing_is_written_again_under_a_name_that_is_taken() -> None:
    t = TensorType((3,))
    once = said(["x"], "a", [Node("a.y", Formula("y[n,c] = 2.0 * x[n,c]"), ("x",), (Value("a.y", t),))], {"": "a.y"})
    assert once is not None
    assert once.again(["z"], "b", {"b.y": t}, None) is None
    nodes, ends = once.again(["z"], "b", {"z": t}, None) or ([], {})
    assert [(n.name, n.inputs) for n in nodes] == [("b.y", ("z",))]
    assert ends == {"": "b.y"}
    assert said(["x"], "a", [Node("a.y", Formula("y[n,c] = k[c] * x[n,c]"), ("k", "x"), (Value("a.y", t),))], {}) is None
