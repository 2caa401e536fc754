"""What a deep network will want compiled is what a short one like it does."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec
from netspec.backends.cpu import executor as cpu
from netspec.backends.cpu.llvm.cache import Compiled, postponed
from netspec.backends.cpu.passes.shorten import KEPT, shorten
from netspec.backends.cpu.plan import plan_entry
from netspec.ir.graph import Graph
from netspec.passes.differentiate import training_program
from netspec.runtime.train.recipe import recipe_of

BODIES = {
    "residual": "  repeat 12:\n    residual:\n      conv 8 3x3 bn relu\n      conv 8 3x3 bn\n",
    "plain": "  repeat 20:\n    conv 8 3x3\n    relu\n    relu\n",
    "two stages": "  repeat 9:\n    residual:\n      conv 8 3x3 bn relu\n  maxpool 2\n  conv 24 1x1\n  repeat 11:\n    residual:\n      conv 24 1x1\n      tanh\n",
    "random": "  repeat 9:\n    conv 8 3x3\n    dropout 0.3\n",
}


def graph_of(body: str) -> Graph:
    text = (
        f"net deep:\n  input 5x12x12\n  conv 8 1x1\n{body}  avgpool global\n  fc 10\n\ntrain deep:\n  loss cross_entropy\n  sgd lr=0.01\n")
    return netspec.load_graph(text=text).graph


@pytest.mark.parametrize("body", BODIES)
def test_repetitions_are_taken_out(body: str) -> None:
    graph = graph_of(BODIES[body])
    short = shorten(graph).verify()
    assert KEPT * len(short.nodes) < 4 * len(graph.nodes)
    assert shorten(short) is short
    assert [public for public, _ in short.outputs] == [public for public, _ in graph.outputs]
    training_program(short, recipe_of(graph).terms).verify()


@pytest.mark.parametrize("spec", ["lenet.net", "resnet_cifar.net:resnet20", "densenet_cifar.net:densenet40"])
def test_a_network_that_repeats_little_is_left_alone(spec: str) -> None:
    path, _, net = spec.partition(":")
    graph = netspec.load_graph(Path("specs") / path, net or None).graph
    assert shorten(graph) is graph


@pytest.mark.parametrize("body", [b for b in BODIES if b != "random"])
@pytest.mark.parametrize("entry", ["gradients", "predict"])
def test_the_kernels_of_the_short_one_are_those_of_the_deep_one(body: str, entry: str) -> None:
    graph = graph_of(BODIES[body])
    deep, short = (plan_entry(g, entry, recipe_of(graph).terms, "float32")[0].schedule.kernels for g in (graph, shorten(graph)))
    assert set(deep) <= set(short)


@pytest.mark.parametrize("body", ["residual", "two stages"])
def test_what_is_foreseen_is_what_is_missing(body: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Contractions find their kernels when a table is recorded: nothing is compiled here, in a folder that has none."""
    monkeypatch.setattr(cpu, "DEEP", 20)
    monkeypatch.setattr(cpu, "get_threads", lambda: 2)
    monkeypatch.setattr(Compiled, "_load", lambda kernel: 0)
    graph = graph_of(BODIES[body])
    make = lambda g: training_program(g, recipe_of(graph).terms)  # noqa: E731
    deep = cpu.CpuExecutor(graph)
    foreseen = {k.digest for k in deep.foreseen(make, 3, fold=False)}
    entry = deep.plan(make(graph), fold=False)
    with postponed() as missing:
        deep.lanes.first.bind(deep.kept(entry), 3, deep.numbers["weights"], deep.numbers["gradients"])
    assert {k.digest for k in missing} <= foreseen
