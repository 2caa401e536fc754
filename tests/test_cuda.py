"""The CUDA backend against the reference, its kernels run by an emulator that finds races and stray addresses: every layer,
loss, update rule, and whole networks. No GPU is needed; `test_cuda_ptx.py` compiles the same texts."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

import test_random_nets
from emulated import EmulatedDevice
from netspec.backends.cuda import tiles
from netspec.backends.cuda.executor import CudaExecutor
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.ir.graph import Graph
from netspec.layers.layer import Example
from netspec.optimisers.optimiser import OPTIMISERS
from small import word
from test_cpu import TERMS, batch, distance, filled
from test_layers import EXAMPLES, graph_of
from test_passes import NETS


def cuda(graph: Graph, dtype: str = "float64", checks: bool = True) -> CudaExecutor:
    return CudaExecutor(graph, dtype, on=EmulatedDevice(checks))


@pytest.mark.parametrize("smallest", [1, 8])
@pytest.mark.parametrize("example", EXAMPLES)
def test_layer_agrees_with_the_reference(example: Example, smallest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With small contractions in tiles, and as they usually run."""
    monkeypatch.setattr(tiles, "SMALLEST", smallest)
    graph = graph_of(example)
    ours, theirs = filled(cuda(graph)), filled(ReferenceExecutor(graph))
    rng = np.random.default_rng(1)
    inputs = {n.name: rng.standard_normal((3 * n.type.batch, *n.type.shape)) for n in graph.inputs}
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
        assert distance(ours.get(p.name), theirs.get(p.name)) < 1e-12, p.name
        if p.trainable:
            assert distance(ours.gradient(p.name), theirs.gradient(p.name)) < 1e-11, p.name


@pytest.mark.parametrize("name", [n for n in NETS if n != "normed vectors"])
def test_float32_stays_near(name: str) -> None:
    graph = NETS[name]()
    ours, theirs = filled(cuda(graph, "float32")), filled(ReferenceExecutor(graph))
    x, y = batch(graph, 6)
    for n in theirs.parameters:
        theirs.set(n, ours.get(n))
    a, b = (e.gradients(x, y, TERMS) for e in (ours, theirs))
    assert abs(a.losses[0] - b.losses[0]) < 1e-5 * max(1, abs(b.losses[0]))
    assert distance(a.outputs["out"], b.outputs["out"]) < 1e-5
    for p in graph.parameters:
        if p.trainable:
            g = theirs.gradient(p.name)
            assert np.abs(ours.gradient(p.name) - g).max() < 1e-4 * np.abs(g).max() + 1e-6, p.name


@pytest.mark.parametrize("spec", ["sgd momentum=0.9 nesterov", "sgd clip_value=0.01", *(n for n, cls in OPTIMISERS.items() if not cls.host)])
def test_steps_follow_the_reference(spec: str) -> None:
    """Weights, running statistics and optimiser state after three steps, two groups of settings and an l1 penalty."""
    graph = NETS["residual"]()
    ours, theirs = filled(cuda(graph)), filled(ReferenceExecutor(graph))
    rule = word(OPTIMISERS, spec)[0]
    numbers = {k: v for k, v in asdict(rule).items() if not isinstance(v, str)}
    x, y = batch(graph, 6)
    free = [p.name for p in graph.parameters if p.trainable]
    for step in range(1, 4):
        plain = rule.scalars(step, numbers | {"lr": 0.01, "decay": 0.01}) | {"l1": 0.001}
        settings = {n: plain if k % 3 else plain | {"lr": plain["lr"] / 2} for k, n in enumerate(free)}
        a, b = (e.step(x, y, TERMS, rule, settings) for e in (ours, theirs))
        assert a.losses == pytest.approx(b.losses, rel=1e-9)
    assert all(distance(ours.get(n), theirs.get(n)) < 1e-9 for n in ours.parameters)
    assert all(distance(ours.get_state(s, n), theirs.get_state(s, n)) < 1e-9 for s in rule.state for n in free)


@pytest.mark.parametrize("name", NETS)
def test_losses_without_gradients(name: str) -> None:
    graph = NETS[name]()
    ours, theirs = filled(cuda(graph)), filled(ReferenceExecutor(graph))
    x, y = batch(graph, 5)
    a, b = ours.losses(x, y, TERMS), theirs.losses(x, y, TERMS)
    assert a.losses == pytest.approx(b.losses, rel=1e-11)
    assert distance(a.outputs["out"], theirs.predict(x)["out"]) < 1e-11


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """`device="cuda"` is the emulator."""
    monkeypatch.setattr("netspec.backends.cuda.executor.NumbaDevice", EmulatedDevice)


@pytest.mark.usefixtures("emulated")
@pytest.mark.parametrize("name", test_random_nets.NUMERIC)
def test_random_networks(name: str) -> None:
    """Outputs and gradients that PyTorch recorded."""
    test_random_nets.test_outputs_and_gradients(name, "cuda", "float64")
