"""The contract of a layer, run on every example of every layer: shape, parameters, MACs, gradient, and PyTorch's numbers."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from small import Net

from netspec.backends.reference.interpret import run
from netspec.ir.graph import Graph, Input, Parameter
from netspec.layers.layer import LAYERS, Example
from netspec.passes.differentiate import differentiate
from netspec.passes.lower import lower
from netspec.views.counts import count

EXAMPLES = [pytest.param(e, id=f"{e.spec} on {' '.join('x'.join(map(str, s)) for s in e.inputs)}") for cls in LAYERS.values() for e in cls.examples]
SAMPLES = 3


def graph_of(example: Example) -> Graph:
    """The net of an example: inputs x, a, b, ..., the steps before it, and the step."""
    names = ["x", *"abcdefgh"[: len(example.inputs) - 1]]
    net = Net(example.views, **dict(zip(names, example.inputs)))
    for line in example.before:
        label, step = line.split(": ")
        source, step = step.split(" -> ")
        net.flow = source[1:]
        net(step, label)
    net.flow = "x"
    net(example.spec, "layer")
    return net.graph()


def random_values(program: Graph, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for n in program.nodes:
        if isinstance(n.op, Parameter):
            given = n.op.values is not None
            values[n.name] = np.reshape(n.op.values, n.op.shape) if given else rng.standard_normal(n.op.shape)
            if n.name.endswith(".var"):
                values[n.name] = np.abs(values[n.name]) + 0.5
        elif isinstance(n.op, Input):
            t = n.type
            shape = (SAMPLES * t.batch, *t.shape) if t.batch else t.shape
            values[n.name] = np.array([7.0]) if n.op.role == "scalar" else rng.standard_normal(shape)
    return values


@pytest.mark.parametrize("example", EXAMPLES)
def test_shape_parameters_and_macs(example: Example) -> None:
    graph = graph_of(example)
    assert graph.by_name["layer"].type.shape == example.output
    counts = count(graph)["layer"]
    trainable = sum(p.size for p in graph.by_name["layer"].parameters if p.trainable)
    assert (trainable, counts.macs) == (example.parameters, example.macs)
    assert str(graph.by_name["layer"].op)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("example", EXAMPLES)
def test_gradient_by_finite_differences(example: Example, training: bool) -> None:
    program = differentiate(inputs=True)(lower(training)(graph_of(example)).verify()).verify()
    values = random_values(program)
    env = run(program, values, SAMPLES)
    out = program.outputs[0][1]
    assert env[out].shape == (SAMPLES * program.values[out].type.batch, *example.output)
    rng = np.random.default_rng(1)
    direction = {name: rng.standard_normal(values[name].shape) for name, _ in program.gradients}
    h = 1e-6

    def along(t: float) -> float:
        moved = values | {k: values[k] + t * d for k, d in direction.items()}
        return float((run(program, moved, SAMPLES)[out] * values["d.out"]).sum())

    slope = (along(h) - along(-h)) / (2 * h)
    exact = sum(float((env[g].reshape(direction[k].shape) * direction[k]).sum()) for k, g in program.gradients)
    scale = max(1.0, abs(exact), prod(example.output) ** 0.5)
    assert abs(slope - exact) < 2e-6 * scale, f"finite difference {slope}, gradient {exact}"
