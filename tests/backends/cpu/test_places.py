"""Formulas that cross the channels of a place: softmax, losses, lrn, maxout, unaligned concatenation, against the reference."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import product
from typing import Any

import numpy as np
import pytest

from netspec import load_graph
from netspec.backends.cpu.executor import CpuExecutor
from netspec.backends.cpu.families.step import Step
from netspec.backends.executor import Executor
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.ir.graph import Graph
from netspec.ir.types import TensorType
from netspec.passes.lower import Program, Writer, lower
from netspec.passes.objective import Term
from netspec.words.loss import LOSSES
from small import Net, sequence
from sweeps import one_of_each, the_first

CHANNELS = (1, 3, 7, 8, 16, 17, 33)
SPACES: tuple[tuple[int, ...], ...] = ((), (5,), (3, 37), (2, 3, 5))
LAYERS = ("softmax", "log_softmax", "lrn 5", "lrn 4 alpha=0.3 beta=0.6", "lrn 3 alpha=0.5 k=2")


def sizes(t: TensorType) -> tuple[int, ...]:
    return tuple(s or 0 for s in t.shape)


def near(a: Any, b: Any, tolerance: float) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance,
                               atol=tolerance * max(1.0, float(np.abs(b[np.isfinite(b)]).max()) if np.isfinite(b).any() else 1.0))


def kinds(executor: CpuExecutor) -> list[str]:
    return [n.op.kind for e in executor.entries.values() for n in e.program.nodes if isinstance(n.op, Step)]


def both(graph: Graph, dtype: str = "float64", samples: int = 3, scale: float = 1.0, tolerance: float = 1e-12,
         values: Any = None) -> CpuExecutor:
    """Forward and backward agree with the reference, on memory that held something else before."""
    ours, theirs = CpuExecutor(graph, dtype), ReferenceExecutor(graph)
    rng = np.random.default_rng(7)
    for e in (ours, theirs):
        fill(e)
    inputs = {n.name: scale * rng.standard_normal((samples * n.type.batch, *sizes(n.type))) for n in graph.inputs}
    if values is not None:
        inputs = {k: values(v) for k, v in inputs.items()}
    inputs = {k: v.astype(dtype).astype(np.float64) for k, v in inputs.items()}
    want = theirs.predict(inputs)
    ours.predict(inputs)
    ours.lanes.first.arena[:] = 0x7F
    for k, v in ours.predict(inputs).items():
        near(v, want[k], tolerance)
    cotangents = {k: rng.standard_normal(v.shape).astype(dtype) for k, v in want.items()}
    ours.backward(inputs, cotangents, training=True, inputs_too=True)
    ours.lanes.first.arena[:] = 0x7F
    a, b = (e.backward(inputs, cotangents, training=True, inputs_too=True) for e in (ours, theirs))
    for k, g in b.input_gradients.items():
        near(a.input_gradients[k], g, tolerance)
    for name, p in ours.parameters.items():
        if p.trainable:
            near(ours.gradient(name), theirs.gradient(name), tolerance)
    return ours


def fill(e: Executor) -> None:
    rng = np.random.default_rng(3)
    for name, p in e.parameters.items():
        e.set(name, rng.standard_normal(p.shape))
    e.set_scalar("random_key", 77)


@pytest.mark.parametrize("space", the_first(2, map(pytest.param, SPACES)))
@pytest.mark.parametrize("layer", LAYERS)
def test_layers_agree_with_the_reference(layer: str, space: tuple[int, ...]) -> None:
    for c in CHANNELS if space == (3, 37) else CHANNELS[1::3]:  # a text serves every extent, so few are told from each other
        used = kinds(both(sequence([layer], x=(c, *space))))
        assert "places" in used and "loop" not in used, used


@pytest.mark.parametrize("pieces", the_first(1, [3, 2, 4, 9]))
def test_maxout(pieces: int) -> None:
    for space in SPACES:
        for c in (1, 7, 8, 17, 33) if space == (3, 37) else (7, 17):
            used = kinds(both(sequence([f"maxout {pieces}"], x=(c * pieces, *space))))
            assert set(used) == {"places"}, used


def test_the_first_of_equal_channels_wins() -> None:
    both(sequence(["maxout 3"], x=(27, 4, 5)), values=np.round)


@pytest.mark.parametrize("space", SPACES)
def test_concatenation_of_any_channels(space: tuple[int, ...]) -> None:
    for a, b, c in ((1, 3, 7), (17, 30, 5), (8, 3, 8), (33, 16, 1), (5, 16, 16))[:None if space == (3, 37) else 2]:
        net = Net({"x": (a, *space), "y": (b, *space), "z": (c, *space)})
        net("concat @y @z")
        used = kinds(both(net.graph()))
        assert "loop" not in used, used


@pytest.mark.parametrize("text", the_first(1, [
    "m: mean over=channels\n  k: @x -> max over=channels\n  concat @m @k",  # the gate of CBAM
    "m: mean over=channels\n  concat @x @m\n  lrn 3",
    "s: softmax\n  m: max over=channels\n  n: @s -> mean over=channels\n  concat @s @x @n\n  softmax"]))
def test_numbers_of_a_place_are_parts_of_a_concatenation(text: str) -> None:
    for shape in ("4x3x5", "9x37", "17"):
        both(load_graph(text=f"net a:\n  input {shape}\n  x: skip\n  {text}\n").graph)


@pytest.mark.parametrize("last", the_first(1, [9, 2, 20]))
def test_parts_of_the_channels_and_what_follows(last: int) -> None:
    net = Net({"x": (33, 3, 5), "y": (3, 3, 5)})
    net(f"channels 2..{last}")
    net("concat @y")
    net("lrn 3")
    net("tanh")
    net("conv 4 3x3")
    net("softmax")
    used = kinds(both(net.graph()))
    assert "loop" not in used, used


@pytest.mark.sweep
def test_group_norm_shares_numbers_between_channels() -> None:
    used = kinds(both(sequence(["group_norm 2"], x=(34, 3, 5)), tolerance=1e-11))
    assert "places" in used and "loop" not in used


@pytest.mark.sweep
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_layer_norm_of_vectors_runs_no_plain_loop(dtype: str) -> None:
    used = kinds(both(sequence(["fc 33", "layer_norm", "tanh", "fc 5", "layer_norm"], x=(7,)), dtype, samples=5, tolerance=1e-11
                      if dtype == "float64" else 1e-4))
    assert "loop" not in used, used


def test_a_product_of_sums_reads_whole_sums() -> None:
    """A convolution's sums over a large plane come in parts, which may be added up one by one and no more than that."""
    graph = sequence(["conv 20 5x5"], x=(8, 64, 64))
    ours, theirs = CpuExecutor(graph, "float64"), ReferenceExecutor(graph)
    for e in (ours, theirs):
        fill(e)
    program = Program.of(lower(False)(graph))
    (_, y), b = program_outputs(graph), Writer(program, "sums")
    each = b("each[n,c] += y[n,c,h,w]", y=y)
    square = b("square[c] += each[n,c] * each[n,c]", each=each)
    made = Graph("sums", tuple(program.nodes), (("out", y), ("square", square)))
    x = {"x": np.random.default_rng(0).standard_normal((2, 8, 64, 64))}
    found = ours.run("sums", lambda graph: made, x, {}).outputs["square"]
    want = np.square(theirs.predict(x)["out"].sum((2, 3))).sum(0)
    near(found, want, 1e-9)


def program_outputs(graph: Graph) -> tuple[str, str]:
    return lower(False)(graph).outputs[0]


def test_one_slope_for_all_channels() -> None:
    assert "loop" not in kinds(both(sequence(["prelu"], x=(19, 3, 5))))


@pytest.mark.sweep
def test_halos_around_what_a_step_writes() -> None:
    both(sequence(["conv 17 3x3", "lrn 5", "conv 5 5x5", "softmax", "conv 3 3x3"], x=(3, 7, 9)), samples=2)


# ---- losses -----------------------------------------------------------------------------------------------------------------
def losses(graph: Graph, loss: Any, labels: bool, dtype: str, scale: float = 1.0, samples: int = 4,
           extra: Any = None) -> tuple[Any, Any]:
    ours, theirs = CpuExecutor(graph, dtype), ReferenceExecutor(graph)
    rng = np.random.default_rng(5)
    out = graph.values[graph.outputs[0][1]].type
    shape = (samples, 1 if labels else sizes(out)[0], *sizes(out)[1:])
    x = {n.name: (scale * rng.standard_normal((samples, *sizes(n.type)))).astype(dtype).astype(np.float64) for n in graph.inputs}
    x = x if extra is None else {k: extra(v) for k, v in x.items()}
    y = {"target.out": rng.integers(0, sizes(out)[0], shape).astype(float) if labels
         else rng.random(shape).astype(dtype).astype(np.float64)}
    terms = (Term(loss, "out"),)
    ours.gradients(x, y, terms, inputs_too=True)
    ours.lanes.first.arena[:] = 0x7F
    a, b = (e.gradients(x, y, terms, inputs_too=True) for e in (ours, theirs))
    assert "loop" not in kinds(ours), kinds(ours)
    return a, b


CROSS_ENTROPY: Any = LOSSES["cross_entropy"]
LOSS_WORDS: dict[str, tuple[Any, bool]] = {
    "cross_entropy": (lambda c: LOSSES["cross_entropy"](), True),
    "smoothed": (lambda c: CROSS_ENTROPY(smoothing=0.1), True),
    "weighted": (lambda c: CROSS_ENTROPY(weights=tuple(float(k + 1) for k in range(c)), ignore=1), True),
    "all at once": (lambda c: CROSS_ENTROPY(weights=tuple(float(k % 3 + 1) for k in range(c)), ignore=0, smoothing=0.2), True),
    "hinge": (lambda c: LOSSES["hinge"](), True),
    "bce": (lambda c: LOSSES["bce"](), False),
    "mse": (lambda c: LOSSES["mse"](), False),
}


@pytest.mark.parametrize(("name", "shape"), one_of_each(
    product(LOSS_WORDS, [(17, 3, 37), (2, 37, 41), (3,), (7, 5), (33, 2, 3, 5)]),
    lambda name, shape: name))
def test_losses_agree_with_the_reference(name: str, shape: tuple[int, ...]) -> None:
    make, labels = LOSS_WORDS[name]
    a, b = losses(sequence(["relu"], x=shape), make(shape[0]), labels, "float64")
    assert a.losses[0] == pytest.approx(b.losses[0], rel=1e-12)
    near(a.input_gradients["x"], b.input_gradients["x"], 1e-12)


@pytest.mark.parametrize("classes", the_first(1, [21, 2, 1000]))
def test_cross_entropy_in_float32(classes: int) -> None:
    a, b = losses(sequence(["relu"], x=(classes, 9, 33)), LOSSES["cross_entropy"](), True, "float32", scale=3.0)
    assert a.losses[0] == pytest.approx(b.losses[0], rel=1e-6)
    near(a.input_gradients["x"] * 33 * 9 * 4, b.input_gradients["x"] * 33 * 9 * 4, 1e-6)


@pytest.mark.parametrize("dtype", the_first(1, ["float64", "float32"]))
@pytest.mark.parametrize(("classes", "space", "few"), one_of_each(
    [(2, (5, 19), True), (3, (37,), True), (4, (2, 3, 9), True), (2, (7, 3), False), (2, (3, 16), True)],
    lambda classes, space, few: few))
def test_few_classes_go_place_by_place(classes: int, space: tuple[int, ...], few: bool, dtype: str) -> None:
    """Lanes are places, where a row has enough of them (within the halo that the convolution's gradient reads)."""
    window = "x".join("3" * len(space))
    graph = sequence([f"conv {classes} {window}"], x=(3, *space))
    for loss in (LOSSES["cross_entropy"](),
                 CROSS_ENTROPY(smoothing=0.1, ignore=1, weights=tuple(float(k + 1) for k in range(classes)))):
        ours, theirs = CpuExecutor(graph, dtype), ReferenceExecutor(graph)
        for e in (ours, theirs):
            fill(e)
        rng = np.random.default_rng(5)
        x = {"x": rng.standard_normal((3, 3, *space)).astype(dtype)}
        y = {"target.out": rng.integers(0, classes, (3, 1, *space)).astype(float)}
        ours.gradients(x, y, (Term(loss, "out"),), inputs_too=True)
        ours.lanes.first.arena[:] = 0x7F
        a, b = (e.gradients(x, y, (Term(loss, "out"),), inputs_too=True) for e in (ours, theirs))
        tolerance = 1e-12 if dtype == "float64" else 2e-5
        near(np.array(a.losses), np.array(b.losses), tolerance)
        near(a.input_gradients["x"], b.input_gradients["x"], tolerance)
        (entry,) = ours.entries.values()
        scratch = [c.scratch for c in entry.schedule.main.calls if c is not None and c.name == "loss.0.loss.each"]
        if loss.even:
            assert (scratch == [0]) == (few and classes <= ours.target.lanes // 2)


@pytest.mark.parametrize("layer", one_of_each(LAYERS, lambda layer: layer.split()[0]))
@pytest.mark.sweep
def test_float32_stays_near(layer: str) -> None:
    both(sequence([layer], x=(33, 5, 37)), "float32", tolerance=2e-6)


@pytest.mark.parametrize("dtype", the_first(1, ["float32", "float64"]))
def test_huge_logits_overflow_nothing(dtype: str) -> None:
    def extra(v: Any) -> Any:
        v = v * 1e4
        v[0, :3] = 80000.0
        return v
    a, b = losses(sequence(["relu"], x=(17, 3, 5)), LOSSES["cross_entropy"](), True, dtype, extra=extra)
    assert np.isfinite(a.losses[0])
    assert a.losses[0] == pytest.approx(b.losses[0], rel=1e-5)
    for layer in ("softmax", "log_softmax"):
        both(sequence([layer], x=(17, 3, 5)), dtype, tolerance=1e-5 if dtype == "float32" else 1e-12, values=lambda v: extra(v)
             / 10)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layer", ["softmax", "log_softmax", "lrn 3", "maxout 2"])
def test_no_number_stays_at_its_place(layer: str, bad: float) -> None:
    """What is no number (or infinite) spoils the same results as in the reference, and no neighbours."""
    def put(v: Any) -> Any:
        v[1, 2, 1, 3] = bad
        return v
    with np.errstate(all="ignore"):
        both(sequence([layer], x=(18, 3, 5)), values=put)


@pytest.mark.parametrize("dtype", the_first(1, ["float32", "float64"]))
@pytest.mark.parametrize("space", the_first(1, map(pytest.param, [(9, 37), (5,), (2, 3, 5)])))
def test_gram_matrices(space: tuple[int, ...], dtype: str) -> None:
    """Products of an image with itself, forward and backward; halos around what reads them."""
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for c in (1, 7, 17, 33) if space == (9, 37) else (17,):
        a, b = losses(sequence(["tanh"], x=(c, *space)), LOSSES["gram"](), False, dtype)
        assert a.losses[0] == pytest.approx(b.losses[0], rel=tolerance)
        scale = np.abs(b.input_gradients["x"]).max()
        near(a.input_gradients["x"] / scale, b.input_gradients["x"] / scale, tolerance)
    losses(sequence(["conv 5 3", "tanh"] if len(space) == 1 else [f"conv 5 {'x'.join('3' * len(space))}"], x=(3, *space)),
           LOSSES["gram"](), False, dtype)


PROGRAM = """
import hashlib, os, sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
import numpy as np
from test_places import *
net = Net({"x": (17, 9, 23), "y": (30, 9, 23)})
net("concat @y")
net("lrn 5")
net("conv 22 3x3")
net("maxout 2")
net("prelu")
graph = net.graph()
e = CpuExecutor(graph)
fill(e)
rng = np.random.default_rng(0)
x = {n.name: rng.standard_normal((5, *n.type.shape)) for n in graph.inputs}
y = {"target.out": rng.integers(0, 11, (5, 1, 9, 23)).astype(float)}
out = e.gradients(x, y, (Term(LOSSES["cross_entropy"](), "out"),), inputs_too=True)
whole = hashlib.sha256(e.numbers["gradients"].tobytes() + repr(out.losses).encode() + b"".join(g.tobytes() for g in out.input_gradients.values()))
print(whole.hexdigest())
"""


@pytest.mark.sweep  # as test_cpu.py and test_runtime_bits.py ask of other nets
def test_the_same_bits_on_any_number_of_threads() -> None:
    here = os.pathsep.join(sys.path)
    out = {subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM, here], env=os.environ | {"NETSPEC_THREADS": str(t)},
                          capture_output=True, text=True, check=True).stdout
           for t in (1, 5)}
    assert len(out) == 1
    assert out.pop().strip()


def test_other_sizes_share_kernels() -> None:
    """One text serves every extent: of lrn, of a loss, of a concatenation."""
    texts: list[set[str]] = []
    for c, h, w in ((33, 5, 36), (18, 9, 20), (47, 60, 3)):  # as many places: a loss divides by their number
        net = Net({"x": (c, h, w), "y": (c + 5, h, w)})
        net("concat @y")
        net("lrn 5")
        e = CpuExecutor(net.graph())
        x = {n.name: np.zeros((1, *sizes(n.type))) for n in e.graph.inputs}
        e.gradients(x, {"target.out": np.zeros((1, 1, h, w))}, (Term(LOSSES["cross_entropy"](), "out"),), inputs_too=True)
        texts.append({k for s in e.entries.values() for k in s.schedule.kernels if k.startswith("places")})
    assert texts[0] and texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize("dtype", the_first(1, ["float32", "float64"]))
@pytest.mark.parametrize("last", the_first(1, ["maxpool global", "avgpool global", "relu"]))
@pytest.mark.sweep
def test_the_part_of_a_concatenation_leaves_no_number_past_its_last_channel(last: str, dtype: str) -> None:
    """Its gradient is read from that of the whole, where the next part begins in the same vector; what stood there went into
    padded weights, and from the second step on into other gradients."""
    import netspec

    text = (
        f"net t:\n  input 4x9\n  c: conv 6 3 relu\n  d: conv 5 3 elu\n  concat:\n    | {last}\n    | {last} -> conv 3 1\n  fc 3\ntrain t:\n  loss cross_entropy\n  sgd lr=0.1\n")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 4, 9)), np.arange(6) % 3
    ours = netspec.compile(text=text, dtype=dtype, seed=1)
    theirs = netspec.compile(text=text, device="reference", dtype="float64", seed=1)
    theirs.set_parameters(dict(ours.parameters))
    for _ in range(4):
        assert ours.train_step(x, y) == pytest.approx(theirs.train_step(x, y), rel=1e-12 if dtype == "float64" else 1e-5)
    for name, value in theirs.parameters.items():
        np.testing.assert_allclose(ours.parameters[name], value, rtol=0, atol=1e-13 if dtype == "float64" else 2e-6, err_msg=name)
    executor = ours.executor
    assert isinstance(executor, CpuExecutor)
    for name, layout in executor.numbers.places.items():
        held = executor.numbers["weights"][layout.at : layout.at + layout.size]
        assert np.count_nonzero(held) <= ours.parameters[name].size, name
