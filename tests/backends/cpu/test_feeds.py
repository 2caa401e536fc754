"""Maps that come with an input: the bits, the memory and the steps are those of a network that is given what they make."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.backends.cpu.executor import CpuExecutor
from netspec.backends.cpu.families.step import Step, step_of
from netspec.backends.cpu.plan import plan_entry
from netspec.ir.types import shape_text
from netspec.runtime.train.recipe import recipe_of
from sweeps import one_of_each

NETS = {  # rows within a halo, of no halo, shorter than a vector; one place; one axis and three; blocks of channels; a pool
    "halo": ((3, 13, 11), "conv 8 3x3 relu"), "plain": ((3, 4, 4), "fc 8"), "short": ((2, 3, 3), "conv 4 2x2 pad=1"),
    "vector": ((21,), "fc 8"), "line": ((4, 30), "conv 8 5 relu"), "deep": ((1, 5, 6, 7), "conv 4 3x3x3"),
    "blocks": ((12, 5, 5), "conv 8 3x3"), "pool": ((3, 6, 6), "maxpool 2"), "large": ((3, 80, 83), "conv 8 7x7 stride=4")}
LINES = {"standardise": lambda x, b: (x - b["prepare1.mean"]) * (np.float32(1) / b["prepare1.std"]),
         "centre image": lambda x, b: x - b["prepare1.mean"][None],
         "scale 0.3": lambda x, b: x * b["prepare1.by"]}


def text(name: str, line: str = "") -> str:
    shape, layers = NETS[name]
    prepare = f"  prepare {line}\n" if line else ""
    return (f"net a:\n  input {shape_text(shape)}\n  {layers}\n  fc 5\ntrain a:\n{prepare}  loss cross_entropy\n"
            "  sgd lr=0.1 momentum=0.9\n")


def pictures(name: str, n: int = 9) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return (3 * rng.standard_normal((n, *NETS[name][0])) + 1).astype(np.float32), rng.integers(0, 5, n)


def across(buffers: dict[str, Any], dims: int) -> dict[str, Any]:
    """Numbers of channels, beside examples of so many axes."""
    return {k: v.reshape(-1, *(1,) * (dims - 1)) if v.ndim == 1 else v for k, v in buffers.items()}


@pytest.mark.parametrize(("name", "line"), one_of_each(
    [*((name, "standardise") for name in NETS), ("halo", "centre image"), ("vector", "centre image"), ("blocks", "scale 0.3")],
    lambda name, line: line))
def test_a_prepared_net_has_the_bits_of_one_that_is_given_prepared_numbers(name: str, line: str) -> None:
    x, y = pictures(name)
    ours, plain = (netspec.compile(text=text(name, p), seed=0) for p in (line, ""))
    if "prepare1.examples" in ours.buffers:
        ours.prepare(x)
    z = LINES[line](x, across(dict(ours.buffers), x.ndim - 1))
    assert z.dtype == np.float32 and not np.array_equal(z, x)
    for _ in range(2):
        ours.train_step(x, y)
        plain.train_step(z, y)
    assert all(np.array_equal(ours.parameters[k], v) for k, v in plain.parameters.items())
    assert np.array_equal(ours.predict(x[:4]), plain.predict(z[:4]))


@pytest.mark.parametrize("entry", ["predict", "gradients"])
def test_the_map_is_no_step_of_its_own_and_its_input_takes_no_memory(entry: str) -> None:
    line = "centre image\n  prepare standardise"
    with_, without = (netspec.load_graph(text=text("halo", p)).graph for p in (line, ""))
    (a, _), (b, _) = (plan_entry(g, entry, recipe_of(g).terms, "float32") for g in (with_, without))
    (feed,) = (n for n in a.program.nodes if isinstance(n.op, Step) and n.op.kind == "feed")
    assert len(step_of(feed).nodes) == 2 and "input" in feed.inputs
    assert a.memory.arena == b.memory.arena
    ours, plain = ([step_of(n).kind for n in p.program.nodes if isinstance(n.op, Step) and n.type.batch] for p in (a, b))
    assert ours == ["feed", *plain]


def test_whatever_way_an_array_lies_it_is_read_and_let_go() -> None:
    x, _ = pictures("halo", 6)
    net = netspec.compile(text=text("halo", "standardise mean=1 std=3"), seed=0)
    wanted, before = net.predict(x), x.copy()
    wide = np.zeros((6, 3, 13, 22), np.float32)
    wide[..., ::2] = x
    odd = np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape)
    for given in (np.asfortranarray(x), wide[..., ::2], odd, x.astype(np.float64), x[::-1][::-1]):
        assert np.array_equal(net.predict(given), wanted)
    assert np.array_equal(x, before)
    assert np.array_equal(net.predict(x.astype(np.int8)), net.predict(x.astype(np.int8).astype(np.float32)))
    kept = weakref.ref(x)
    del x, given
    gc.collect()
    assert kept() is None, "the network holds nothing of what it was given"


def test_an_input_that_something_else_reads_comes_as_it_is() -> None:
    """Its own value is asked for, or a second path begins at it; and the gradient to it is that of the numbers given."""
    x, _ = pictures("halo", 5)
    ours, theirs = (netspec.compile(text=text("halo", "standardise mean=[1, 2, 3] std=[2, 3, 4]"), seed=0, device=device,
                                    dtype="float64") for device in ("cpu", "reference"))
    a, b = (net.activations(x, "input", "prepare1") for net in (ours, theirs))
    assert np.array_equal(a["input"], x) and all(np.allclose(a[k], b[k], rtol=1e-12) for k in b)
    for net in (ours, theirs):
        net.forward(x)
    dy = np.random.default_rng(2).standard_normal((5, 5))
    a, b = (net.backward(dy) for net in (ours, theirs))
    assert a.keys() == b.keys() and all(np.allclose(a[k], b[k], rtol=1e-9, atol=1e-12) for k in b)


def test_item_by_item_it_is_the_same() -> None:
    net = CpuExecutor(netspec.load_graph(text=text("large", "scale 0.5")).graph)
    x, _ = pictures("large", 2)
    for p in net.graph.parameters:
        net.set(p.name, np.full(p.shape, 0.5))
    wanted = net.predict({"input": x})["out"]
    (entry,) = net.entries.values()
    lane = net.lanes.first
    lane.arena[:] = 0x7F  # nothing may depend on what memory held before
    bound = net.bind(lane, net.kept(entry), 2)
    held = bound.give("input", lane.arena, x)
    bound.table.interpret(first=bound.marks[0], last=bound.marks[1])
    assert held is not None and np.array_equal(bound.port(entry.border.outputs[0].value.name).read(lane.arena, (5,)), wanted)
