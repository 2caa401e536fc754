"""The CPU backend against the reference: every layer, both dtypes, bit-equal tables, exact memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_layers import EVERY, EXAMPLES, POSITIVE, graph_of
from test_passes import NETS

import netspec
from netspec.backends.cpu.contract.calls import Call, Kernel
from netspec.backends.cpu.engine.machine import CALLS
from netspec.backends.cpu.executor import CpuExecutor
from netspec.backends.cpu.families.step import Step
from netspec.backends.cpu.module import SECTIONS, entry_text
from netspec.backends.cpu.plan import plan_entry
from netspec.backends.cpu.schedule import _Scheduler
from netspec.backends.executor import Executor
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.ir import contraction, layout, weight_order
from netspec.ir.formula import Pieces
from netspec.ir.graph import Graph
from netspec.ir.intervals import first_fit
from netspec.ir.layout import Image, Target, Vector
from netspec.passes.objective import Term
from netspec.runtime.train.recipe import recipe_of
from netspec.words.layer import Example
from netspec.words.loss import LOSSES
from netspec.words.optimiser import OPTIMISERS
from small import Net
from sweeps import one_of_each, the_first
from where import ROOT

SPECS = ROOT / "specs"
TERMS = (Term(LOSSES["cross_entropy"](), "out"),)


def filled(executor: Executor, seed: int = 0) -> Executor:
    """Random parameters, the same for every backend."""
    rng = np.random.default_rng(seed)
    for name, p in executor.parameters.items():
        v = np.reshape(p.values,
                       p.shape) if p.values is not None else rng.standard_normal(p.shape) / (np.sqrt(p.fan_in) if p.kind
                               == "weight" else 1)
        executor.set(name, np.abs(v) + 0.5 if name.endswith(".var") else v)
    executor.set_scalar("random_key", 1234567)
    return executor


def distance(a: Any, b: Any) -> float:
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / max(1e-9, np.abs(b).max())) if a.size else 0.0


def kind(example: Example) -> str:
    """A layer; the activations are one, since all are a formula of one number, and test_numerics.py computes each."""
    word = example.spec.split()[0]
    return "activation" if EVERY[word].category == "activation" else word


@pytest.mark.parametrize("example", one_of_each(EXAMPLES, kind))
def test_layer_agrees_with_the_reference(example: Example) -> None:
    graph = graph_of(example)
    agree(filled(CpuExecutor(graph, "float64")), filled(ReferenceExecutor(graph)), 5, example.spec in POSITIVE)


def agree(ours: Executor, theirs: Executor, samples: int, positive: bool = False) -> None:
    """Predictions, gradients of everything, and what a step in training leaves in the buffers."""
    graph, rng = ours.graph, np.random.default_rng(1)
    inputs = {n.name: rng.standard_normal((samples * n.type.batch, *n.type.shape)) for n in graph.inputs}
    inputs = {k: np.abs(x) + 0.1 for k, x in inputs.items()} if positive else inputs
    want = theirs.predict(inputs)
    for k, v in ours.predict(inputs).items():
        assert distance(v, want[k]) < 1e-11
    cotangents = {k: rng.standard_normal(v.shape) for k, v in want.items()}
    a, b = (e.backward(inputs, cotangents, training=True, inputs_too=True, effects=True) for e in (ours, theirs))
    for k in b.outputs:
        assert distance(a.outputs[k], b.outputs[k]) < 1e-11
    for k, g in b.input_gradients.items():
        assert distance(a.input_gradients[k], g) < 1e-11, k
    for p in graph.parameters:
        assert distance(ours.get(p.name), theirs.get(p.name)) < 1e-11, p.name
        if p.trainable:
            assert distance(ours.gradient(p.name), theirs.gradient(p.name)) < 1e-11, p.name


def graph_parameters(graph: Graph) -> list[tuple[str, Any]]:
    return [(p.name, p) for p in graph.parameters if p.trainable]


def batch(graph: Graph, n: int) -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(2)
    (x,) = graph.inputs
    classes = graph.values[graph.outputs[0][1]].type.shape[0] or 0
    return {x.name: rng.standard_normal((n, *x.type.shape))}, {"target.out": rng.integers(0, classes, (n, 1)).astype(float)}


SINGLE = [n for n in NETS if n != "normed vectors"]


@pytest.mark.sweep  # test_numerics.py asks it of each layer
@pytest.mark.parametrize("name", SINGLE)
def test_float32_stays_near(name: str) -> None:
    graph = NETS[name]()
    near(filled(CpuExecutor(graph)), filled(ReferenceExecutor(graph)))


def near(ours: Executor, theirs: Executor) -> None:
    """A step in single precision beside one in double."""
    x, y = batch(ours.graph, 6)
    for n in theirs.parameters:
        theirs.set(n, ours.get(n))
    a, b = (e.gradients(x, y, TERMS) for e in (ours, theirs))
    assert abs(a.losses[0] - b.losses[0]) < 1e-5 * max(1, abs(b.losses[0]))
    assert distance(a.outputs["out"], b.outputs["out"]) < 1e-5
    for n, _ in graph_parameters(ours.graph):
        g = theirs.gradient(n)
        assert np.abs(ours.gradient(n) - g).max() < 1e-4 * np.abs(g).max() + 1e-6, n


@pytest.mark.sweep  # test_training_references.py asks it of steps that PyTorch made
@pytest.mark.parametrize("name", NETS)
def test_steps_follow_the_reference(name: str) -> None:
    """Weights, running statistics and optimiser state after three steps."""
    graph = NETS[name]()
    ours, theirs = filled(CpuExecutor(graph, "float64")), filled(ReferenceExecutor(graph))
    rule = OPTIMISERS["adam"](lr=0.01, decay=0.01)
    x, y = batch(graph, 6)
    for step in range(1, 4):
        numbers = rule.scalars(step, {"lr": 0.01, "decay": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8})
        settings = {n: numbers for n, _ in graph_parameters(graph)}
        a, b = (e.step(x, y, TERMS, rule, settings) for e in (ours, theirs))
        assert a.losses == pytest.approx(b.losses, rel=1e-9)
    assert all(distance(ours.get(n), theirs.get(n)) < 1e-9 for n in ours.parameters)
    assert all(distance(ours.get_state(s, n), theirs.get_state(s, n)) < 1e-9 for s in rule.state
               for n, _ in graph_parameters(graph))


def test_gradients_change_no_state() -> None:
    graph = NETS["residual"]()
    net = filled(CpuExecutor(graph))
    before = {n: net.get(n) for n in net.parameters}
    net.gradients(*batch(graph, 4), TERMS)
    assert all(np.array_equal(net.get(n), v) for n, v in before.items())


@pytest.mark.parametrize("name", the_first(1, NETS))
def test_losses_without_gradients(name: str) -> None:
    """Those of evaluation mode, with what `predict` gives; gradients and statistics stay as they are."""
    graph = NETS[name]()
    ours, theirs = filled(CpuExecutor(graph, "float64")), filled(ReferenceExecutor(graph))
    x, y = batch(graph, 6)
    before = {n: ours.get(n) for n in ours.parameters}
    ours.numbers["gradients"][:] = 7.0
    for n, _ in graph_parameters(graph):
        theirs.set_gradient(n, np.full(theirs.parameters[n].shape, 7.0))
    a, b, c = ours.losses(x, y, TERMS), theirs.losses(x, y, TERMS), theirs.gradients(x, y, TERMS, training=False)
    assert a.losses == pytest.approx(b.losses, rel=1e-11)
    assert b.losses == pytest.approx(c.losses, rel=1e-12)
    assert distance(a.outputs["out"], theirs.predict(x)["out"]) < 1e-11
    assert (ours.numbers["gradients"] == 7.0).all()
    assert all(np.array_equal(ours.get(n), v) for n, v in before.items())
    ours.set(graph.parameters[0].name, 2 * before[graph.parameters[0].name])  # what is prepared from it is made anew
    theirs.set(graph.parameters[0].name, 2 * before[graph.parameters[0].name])
    assert ours.losses(x, y, TERMS).losses == pytest.approx(theirs.losses(x, y, TERMS).losses, rel=1e-11)


@pytest.mark.parametrize("name", ["residual", "lenet"])
def test_call_by_call_gives_the_bits_of_the_table(name: str) -> None:
    graph = NETS[name]()
    net = filled(CpuExecutor(graph))
    x, y = batch(graph, 7)
    net.gradients(x, y, TERMS)
    grads = net.numbers["gradients"]
    whole = grads.copy()
    (entry,) = net.entries.values()
    grads[:] = np.nan
    net.lanes.first.arena[:] = 0x7F  # nothing may depend on what memory held before
    bound = net.bind(net.lanes.first, net.kept(entry), 7)
    for value in ("x", "target.out"):
        bound.port(value).write(net.lanes.first.arena, x.get(value, y.get(value)))
    bound.table.interpret(last=bound.marks[1])
    real = ~np.isnan(grads)
    assert real.any()
    assert np.array_equal(grads[real], whole[real])


@pytest.mark.parametrize("name", ["residual", "grouped"])
def test_shared_memory_changes_nothing(name: str) -> None:
    graph = NETS[name]()
    x, y = batch(graph, 5)
    shared, apart = CpuExecutor(graph), CpuExecutor(graph)
    apart.share = False
    a, b = (filled(e).gradients(x, y, TERMS) for e in (shared, apart))
    assert a.losses == b.losses
    assert np.array_equal(shared.numbers["gradients"], apart.numbers["gradients"])
    (p,), (q,) = shared.entries.values(), apart.entries.values()
    assert p.memory.arena < q.memory.arena == q.memory.unshared


def chain(parts: int = 3, growth: int = 16) -> Graph:
    """A dense chain and an inception fork: concatenations of whole blocks of channels."""
    net = Net({"x": (3, 7, 6)})
    seen = [net(f"conv {growth} 3x3")]
    for _ in range(parts):
        net("bn")
        net("relu")
        made = net(f"conv {growth} 3x3 bias=no")
        net.flow = seen[0]
        net("concat " + " ".join(f"@{v}" for v in (*seen[1:], made)))
        seen.append(made)
    fork = net.flow
    a = net(f"conv {2 * growth} 1x1")
    net.flow = fork
    b = net("relu")
    net.flow = fork
    net("maxpool 3 /1 same")
    net(f"conv {growth} 1x1")
    net(f"concat @{a} @{b}")
    net("conv 4 3x3")
    net("fc 5")
    return net.graph()


@pytest.mark.parametrize("dtype", the_first(1, ["float64", "float32"]))
def test_concatenations_copy_nothing_they_need_not(dtype: str) -> None:
    graph = chain()
    ours, theirs = filled(CpuExecutor(graph, dtype)), filled(ReferenceExecutor(graph))
    x, y = batch(graph, 3)
    for n in theirs.parameters:
        theirs.set(n, ours.get(n))
    a, b = (e.gradients(x, y, TERMS, inputs_too=True) for e in (ours, theirs))
    near = 1e-11 if dtype == "float64" else 1e-4
    assert distance(a.outputs["out"], b.outputs["out"]) < near
    assert distance(a.input_gradients["x"], b.input_gradients["x"]) < 10 * near
    for n, _ in graph_parameters(graph):
        if "bias" not in n or n.startswith("fc"):
            assert distance(ours.gradient(n), theirs.gradient(n)) < 10 * near, n
    (entry,) = ours.entries.values()
    joins = [n for n in entry.program.nodes if isinstance(n.op, Step) and isinstance(n.op.nodes[0].op, Pieces)]
    assert len(joins) == 4
    assert all(n.op.idle for n in joins)
    slices = [n for n in entry.program.nodes if isinstance(n.op, Step) and n.op.kind == "move"]
    assert len(slices) > 4  # the gradients of its parts lie within the gradient of a concatenation
    assert all(n.op.idle for n in slices)
    views = [v.layout for v in entry.program.values.values() if isinstance(v.layout, Image) and v.layout.of]
    assert len(views) >= 6


def test_predicted_bytes_are_allocated_bytes() -> None:
    graph = NETS["residual"]()
    net = filled(CpuExecutor(graph))
    net.predict(batch(graph, 9)[0])
    assert net.memory("predict", 9) == net.lanes.first.arena.nbytes


@pytest.mark.parametrize("shape", ["32", "32x1x1", "3x32x32", "20", "16x4"])
@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_what_was_given_stays_as_it_is(device: str, shape: str) -> None:
    """Outputs and gradients are the caller's own, whatever runs next."""
    net = netspec.compile(text=f"net a:\n  input {shape}\n  output start\n  fc 48 tanh\n  output middle\n  fc 16\n  output end\n",
                          device=device, seed=0)
    rng = np.random.default_rng(0)
    x, other = rng.standard_normal((2, 5, *map(int, shape.split("x"))))
    dy = {"start": rng.standard_normal(x.shape), "middle": rng.standard_normal((5, 48)), "end": rng.standard_normal((5, 16))}
    given = {**net.predict(x), **net.backward(dy)}
    before = {k: v.copy() for k, v in given.items()}
    x += 1
    net.predict(other)
    net.backward(dy)
    for k, v in given.items():
        np.testing.assert_array_equal(v, before[k], err_msg=k)


def test_a_new_batch_compiles_nothing() -> None:
    from netspec.backends.cpu.llvm import cache

    graph = NETS["residual"]()
    net = filled(CpuExecutor(graph))
    net.gradients(*batch(graph, 4), TERMS)
    before = cache.statistics()
    for n in (1, 3, 16, 17):
        net.gradients(*batch(graph, n), TERMS)
    assert cache.statistics() == before


@pytest.mark.parametrize("vector", the_first(1, ["32", "16"]))
def test_narrower_registers(vector: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a processor without AVX-512, or without AVX2, would run."""
    from netspec.backends.cpu.plan import host_vector

    if int(vector) > host_vector():
        pytest.skip("this processor has no such registers")
    host_vector.cache_clear()
    monkeypatch.setenv("NETSPEC_VECTOR", vector)
    graph = NETS["residual"]()
    ours, theirs = filled(CpuExecutor(graph)), filled(ReferenceExecutor(graph))
    host_vector.cache_clear()
    assert ours.target.vector == int(vector)
    x, y = batch(graph, 6)
    for n in theirs.parameters:
        theirs.set(n, ours.get(n))
    a, b = (e.gradients(x, y, TERMS) for e in (ours, theirs))
    assert distance(a.outputs["out"], b.outputs["out"]) < 1e-5
    for n, _ in graph_parameters(graph):
        g = theirs.gradient(n)
        assert np.abs(ours.gradient(n) - g).max() < 1e-4 * np.abs(g).max() + 1e-6, n


def test_a_weight_has_one_order_whatever_its_input_goes_through_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input of more channels than a block has, read as it comes in evaluation and after dropout in training."""
    from netspec.backends.cpu.plan import host_vector

    host_vector.cache_clear()
    monkeypatch.setenv("NETSPEC_VECTOR", "16")
    text = "net a:\n  input 5x4x4\n  dropout 0.5\n  conv 4 3x3"
    ours, theirs = (netspec.compile(text=text, device=device, dtype="float64") for device in ("cpu", "reference"))
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 5, 4, 4)), rng.standard_normal((2, 4, 4, 4))
    for mode in ("train", "eval"):
        for net in (ours, theirs):
            net.forward(x, mode=mode, draw=0)  # type: ignore[arg-type]
        a, b = (net.backward(dy, mode=mode) for net in (ours, theirs))  # type: ignore[arg-type]
        assert all(distance(a[k], b[k]) < 1e-12 for k in b), mode
    host_vector.cache_clear()


PROGRAM = """
import hashlib, os, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
from test_cpu import NETS, TERMS, batch, filled, CpuExecutor, OPTIMISERS, graph_parameters
for name in ("residual", "lenet"):
    graph = NETS[name]()
    net = filled(CpuExecutor(graph))
    rule = OPTIMISERS["sgd"](lr=0.1, momentum=0.9)
    settings = {n: {"lr": 0.1, "momentum": 0.9, "decay": 1e-4} for n, _ in graph_parameters(graph)}
    for _ in range(3):
        net.step(*batch(graph, 13), TERMS, rule, settings)
    print(hashlib.sha256(net.numbers["weights"].tobytes()).hexdigest())
"""


@pytest.mark.sweep  # test_runtime_bits.py asks it of a training
def test_the_same_bits_on_any_number_of_threads() -> None:
    here = os.pathsep.join(sys.path)
    out = {subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM, here], env=os.environ | {"NETSPEC_THREADS": str(t)},
                          capture_output=True, text=True, check=True).stdout
           for t in (1, 3)}
    assert len(out) == 1
    assert len(out.pop().split()) == 2


class Heard:
    """A machine that keeps the calls of a module's text."""

    def __init__(self) -> None:
        self.calls: list[Call | None] = []

    def barrier(self) -> None:
        self.calls.append(None)

    def __getattr__(self, method: str) -> Any:
        return lambda **arguments: self.calls.append(CALLS[method](**arguments))


@pytest.mark.parametrize("name", ["lenet", "resnet_cifar", "googlenet"])
def test_the_text_that_people_read_says_the_calls_that_run(name: str) -> None:
    graph = netspec.load_graph(SPECS / f"{name}.net", {"resnet_cifar": "resnet20"}.get(name)).graph
    for entry in ("predict", "gradients"):
        planned, _ = plan_entry(graph, entry, recipe_of(graph).need_terms(), "float32")
        scope = {k: v for m in (contraction, weight_order, layout) for k, v in vars(m).items()}
        exec(entry_text(planned.kind, planned.schedule), scope)
        sections = (planned.schedule.prepare, planned.schedule.main, planned.schedule.effects)
        for part, section in zip(SECTIONS[planned.kind], sections, strict=True):
            heard = Heard()
            scope[part](heard)
            assert heard.calls == list(section.calls)


def test_making_room_and_finding_barriers_cost_no_more_for_each_step_of_a_deeper_network() -> None:
    def calls_of(depth: int) -> tuple[int, int]:
        nested = {f"b{k}": (64, k, 2 * depth - k) for k in range(depth)}
        one = _Scheduler(Graph("g", (), ()), Target("cpu", 32, 4))
        one.layouts = {f"v{k}": Vector(16, "parameters", 16 * k) for k in range(2 * depth)}
        steps = [Kernel(f"c{k}", "k", (f"v{2 * k}",), (f"v{2 * k + 1}",)) for k in range(depth)]
        return counted(lambda: first_fit(nested)), counted(lambda: one.barriers(steps))

    def counted(run: Callable[[], object]) -> int:
        seen = 0

        def count(frame: object, event: str, what: object) -> None:
            nonlocal seen
            seen += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            run()
        finally:
            sys.setprofile(None)
        return seen

    assert all(b < 3 * a for a, b in zip(calls_of(300), calls_of(600)))


def test_buffers_lie_as_low_as_walking_through_all_of_them_finds() -> None:
    def walked(lives: dict[str, tuple[int, int, int]], share: bool) -> dict[str, int]:
        placed: list[tuple[int, int, int, int]] = []
        where = {}
        for b in sorted(lives, key=lambda b: (-lives[b][0], lives[b][1:], b)):
            mine, first, last = lives[b]
            at = 0
            for other, size, a, e in sorted(placed):
                if other < at + mine and (not share or (a <= last and first <= e)):
                    at = max(at, other + size)
            placed.append((at, mine, first, last))
            where[b] = at
        return where

    for seed in range(200):
        r = random.Random(seed)
        lives = {}
        for k in range(r.randrange(50)):
            first = r.randrange(-1, 40)
            lives[f"b{k}"] = (64 * r.choice([1, 1, 2, 3, 5, 8]), first, min(41, first + r.choice([0, 1, 2, 5, 20, 40])))
        for share in (True, False):
            where, total = first_fit(lives, share)
            assert where == walked(lives, share)
            assert total == max((at + lives[b][0] for b, at in where.items()), default=0)
