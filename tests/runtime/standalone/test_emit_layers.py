"""What `netspec emit` writes of every layer computes the same bits: to predict alone, and to train."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_emit_weights import loaded
from test_layers import EVERY, EXAMPLES, POSITIVE, SAMPLES, graph_of

from netspec.ir.graph import Graph
from netspec.losses import LOSSES
from netspec.passes.objective import Term
from netspec.runtime.network import Network
from netspec.runtime.standalone.carried import weights_of
from netspec.runtime.standalone.emit import standalone
from netspec.runtime.train.recipe import Recipe
from netspec.words.layer import Example
from small import Net
from sweeps import one_of_each, the_first

FEW = the_first(2, one_of_each(EXAMPLES, lambda e: EVERY[e.spec.split()[0]].category))  # kernels take seconds to compile
CASES = [pytest.param("float32", *p.values, id=p.id, marks=p.marks) for p in FEW] + [
    pytest.param("exact", *p.values, id=f"exact {p.id}", marks=pytest.mark.sweep)
    for p in one_of_each(EXAMPLES, lambda e: e.spec.split()[0]) if not p.marks]


def alone(example: Example) -> Graph:
    """The net of an example, which reads and gives examples whole: views have an axis of their own on both sides."""
    if example.views == 1 and graph_of(example).values[graph_of(example).outputs[0][1]].type.batch == 1:
        return graph_of(example)
    net = Net({"x": (example.views, *example.inputs[0]) if example.views > 1 else example.inputs[0]})
    net("split_views")
    net("join_views")
    return net.graph()


def same(ours: Any, theirs: Any, said: str) -> None:
    """The same bits, what is not a number included."""
    a, b = np.asarray(ours), np.asarray(theirs)
    assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), said


@pytest.mark.parametrize(("precision", "example"), CASES)
def test_the_file_of_a_layer_gives_the_same_bits(precision: str, example: Example) -> None:
    graph = replace(alone(example), precision=precision)
    net = Network(graph, seed=3, recipe=Recipe(terms=(Term(LOSSES["mse"](), "out"),)))
    random = np.random.default_rng(1)

    def drawn(shape: tuple[int, ...]) -> Any:
        a = random.standard_normal(shape).astype(np.float32)
        return np.abs(a) + np.float32(0.1) if example.spec in POSITIVE else a

    for p in graph.parameters:
        if p.values is None:
            value = drawn(p.shape)
            held = net.buffers if p.kind == "buffer" else net.parameters
            held[p.name] = np.abs(value) + 0.5 if p.name.endswith(".var") else value
    x = {i.name: drawn((SAMPLES, *i.type.shape)) for i in graph.inputs}
    weights = weights_of(net.state)
    small, whole = (loaded(standalone(graph, net.recipe, weights, predict)).Network() for predict in (True, False))
    want = net.predict(x, draw=0)
    y = drawn(want.shape)
    same(small.predict(x, draw=0), want, "predict alone")
    same(whole.predict(x, draw=0), want, "predict")
    loss, gradients = net.loss_and_gradients(x, y)
    found, theirs = whole.gradients(x, y, statistics=True)
    assert found == loss or (np.isnan(found) and np.isnan(loss))
    assert set(theirs) == set(gradients)
    for name, value in gradients.items():
        same(theirs[name], value, name)
