"""Preparations: what each computes and measures beside NumPy in float64, that only training examples decide it, and only once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError, SpecError
from netspec.ir.types import TensorType, shape_text
from netspec.preparations import PREPARATIONS
from netspec.runtime.initialisers import generator
from netspec.words.dataset import Lazy

SHAPE = (3, 4, 5)


def spec(lines: str, shape: tuple[int, ...] = SHAPE, more: str = "") -> str:
    prepare = "".join(f"  prepare {line}\n" for line in lines.split(";"))
    return (f"net a:\n  input {shape_text(shape)}\n  output seen: skip\n  fc 4\n{more}\ntrain a:\n{prepare}"
            "  loss cross_entropy @out\n  sgd lr=0.1\n  batch 16\n")


def examples(n: int = 50, shape: tuple[int, ...] = SHAPE) -> Any:
    """Channels far from 0 and from each other, neighbours alike; the last channel does not vary in the tests that say so."""
    x = generator(3, "examples").normal(size=(n, *shape))
    x = x + 0.5 * np.roll(x, 1, -1)
    return (x * np.arange(1, shape[0] + 1).reshape(-1, *(1,) * (len(shape) - 1)) + 7).astype(np.float32).astype(np.float64)


def seen(lines: str, x: Any, device: str = "reference", dtype: str = "float64") -> Any:
    net = netspec.compile(text=spec(lines, x.shape[1:]), device=device, dtype=dtype).prepare(x)
    return net.predict(x)["seen"]


def covariance(x: Any) -> Any:
    flat = x.reshape(len(x), -1) - x.reshape(len(x), -1).mean(0)
    return flat, flat.T @ flat / len(x)


def places(x: Any) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


@pytest.mark.parametrize("shape", [SHAPE, (6,), (2, 7), (2, 3, 2, 2)])
def test_means_and_deviations_are_those_of_numpy(shape: tuple[int, ...]) -> None:
    x = examples(shape=shape)
    mean, std = x.mean(places(x), keepdims=True), x.std(places(x), keepdims=True)
    assert np.allclose(seen("centre", x), x - mean, atol=1e-12)
    assert np.allclose(seen("standardise", x), (x - mean) / std, atol=1e-12)
    assert np.allclose(seen("centre image", x), x - x.mean(0), atol=1e-12)
    low, high = x.min(places(x), keepdims=True), x.max(places(x), keepdims=True)
    assert np.allclose(seen("scale low=-1 high=3", x), (x - low) / (high - low) * 4 - 1, atol=1e-12)


@pytest.mark.parametrize("way", ["pca", "zca"])
@pytest.mark.parametrize("shape", [SHAPE, (6,)])
def test_whitening_is_that_of_the_eigenvectors(way: str, shape: tuple[int, ...]) -> None:
    x = examples(400, shape)
    flat, c = covariance(x)
    y = seen(f"whiten {way} epsilon=0", x).reshape(len(x), -1)
    assert np.allclose(y.T @ y / len(y), np.eye(y.shape[1]), atol=1e-8), "no correlation, variance 1"
    values, vectors = np.linalg.eigh(c)
    if way == "zca":
        assert np.allclose(y, flat @ (vectors / np.sqrt(values)) @ vectors.T, atol=1e-8)
    else:
        there = flat @ (vectors / np.sqrt(values))[:, ::-1]
        assert np.allclose(y * np.sign((y * there).sum(0)), there, atol=1e-8), "but for the sign of each"
    softened = seen(f"whiten {way} epsilon=0.5", x).reshape(len(x), -1)
    spread = values / (values + 0.5)
    assert np.allclose(np.linalg.eigvalsh(softened.T @ softened / len(x)), np.sort(spread), atol=1e-8)


def test_whitening_is_that_of_scikit_learn() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = examples(300, (7,))
    theirs = decomposition.PCA(whiten=True, svd_solver="full").fit_transform(x) * np.sqrt(len(x) / (len(x) - 1))
    ours = seen("whiten epsilon=0", x)
    assert np.allclose(ours * np.sign((ours * theirs).sum(0)), theirs, atol=1e-8)


@pytest.mark.parametrize(("line", "wanted"), [
    ("standardise mean=[1, 2, 3] std=[2, 4, 0.5]", lambda x: (x - np.array([1, 2, 3.0])[:, None, None])
     / np.array([2, 4, 0.5])[:, None, None]),
    ("standardise mean=0.5 std=0.25", lambda x: (x - 0.5) / 0.25),
    ("centre mean=2", lambda x: x - 2),
    ("scale 0.5", lambda x: x * 0.5), ("scale by=[1, 2, 3]", lambda x: x * np.array([1, 2, 3.0])[:, None, None]),
    ("scale min=0 max=255 low=-1", lambda x: x / 255 * 2 - 1),
    ("centre mean=1;scale 2;centre mean=-1", lambda x: (x - 1) * 2 + 1)])
def test_given_numbers_are_taken_and_nothing_is_measured(line: str, wanted: Any) -> None:
    x, y = examples(), np.arange(50) % 4
    for device in ("reference", "cpu"):
        net = netspec.compile(text=spec(line), device=device)
        assert not any(k.endswith("examples") for k in net.buffers)
        before = dict(net.buffers)
        net.fit(x, y, epochs=1, verbose=0)
        assert all(np.array_equal(v, net.buffers[k]) for k, v in before.items())
        assert np.allclose(net.predict(x)["seen"], wanted(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", sorted(PREPARATIONS))
def test_every_preparation_keeps_to_what_it_says(name: str) -> None:
    """Of any shape: unmeasured it changes nothing; a pass over batches of any size comes to the same; the CPU agrees."""
    for shape in ((3,), (2, 3, 4)):
        x = examples(60, shape)
        net = netspec.compile(text=spec(name, shape), device="reference", dtype="float64")
        assert np.allclose(net.predict(x)["seen"], x, atol=1e-12)
        made = net.graph.by_name["prepare1"].op
        whole, parts = made.measure([x]), made.measure([x[:1], x[1:27], x[27:]])
        assert whole.keys() == {p.name for p in made.numbers(TensorType(shape))}
        assert all(np.allclose(whole[k], parts[k], rtol=1e-9, atol=1e-9) for k in whole)
        net.prepare(x)
        got = net.predict(x)["seen"]
        assert np.allclose(seen(name, x, "cpu", "float32"), got, rtol=1e-3, atol=1e-3)
        assert np.array_equal(seen(name, x), got)
    for e in PREPARATIONS[name].examples:
        graph = netspec.load_graph(text=f"net a:\n  input {shape_text(e.inputs[0])}\n  skip\ntrain a:\n  prepare {e.spec}\n")
        assert graph.outputs["out"] == e.output and graph.counts().totals.macs == e.macs and graph.counts().totals.trainable == 0


def test_a_channel_that_does_not_vary_is_centred_only() -> None:
    x = examples()
    x[:, 1] = 3.0
    y = seen("standardise", x)
    assert np.array_equal(y[:, 1], np.zeros_like(y[:, 1])) and np.isfinite(y).all()
    assert np.array_equal(seen("scale low=-2", x)[:, 1], np.full_like(y[:, 1], -2))


def test_fit_measures_once_on_its_own_examples(tmp_path: Path) -> None:
    x, y = examples(), np.arange(50) % 4
    far = x + 100
    net = netspec.compile(text=spec("standardise"))
    net.fit(x, y, epochs=0, verbose=0)
    assert net.buffers["prepare1.examples"][0] == 0, "what trains nothing measures nothing"
    net.fit(x, y, epochs=1, validation=(far, y), verbose=0)
    mean = net.buffers["prepare1.mean"]
    assert np.allclose(mean, x.mean((0, 2, 3)), rtol=1e-6) and net.buffers["prepare1.examples"][0] == 50
    net.save(str(tmp_path / "a.safetensors"))
    again = netspec.compile(text=spec("standardise")).load(str(tmp_path / "a.safetensors"))
    for one in (net, again):
        one.fit(far, y, epochs=1, verbose=0)
        assert np.array_equal(one.buffers["prepare1.mean"], mean)
    assert np.array_equal(net.predict(x)["out"], again.predict(x)["out"])
    begun = netspec.compile(text=spec("standardise")).prepare(far)
    begun.fit(x, y, epochs=1, verbose=0)
    assert np.allclose(begun.buffers["prepare1.mean"], far.mean((0, 2, 3)), rtol=1e-6), "what was measured by hand holds"
    begun.initialise()
    assert begun.buffers["prepare1.examples"][0] == 0


def test_training_learns_from_prepared_examples() -> None:
    """The same bits as from examples that were prepared outside, with the numbers in float32."""
    x, y = examples().astype(np.float32), np.arange(50) % 4
    net = netspec.compile(text=spec("standardise"), device="reference", dtype="float32").prepare(x)
    plain = netspec.compile(text=spec("centre mean=0"), device="reference", dtype="float32")
    outside = net.predict(x)["seen"]
    assert net.fit(x, y, epochs=2, verbose=0)["loss"] == plain.fit(outside, y, epochs=2, verbose=0)["loss"]


def test_a_loop_of_ones_own_is_told_to_prepare() -> None:
    x, y = examples(), np.arange(50) % 4
    net = netspec.compile(text=spec("standardise"), device="reference")
    for call in (lambda: net.train_step(x, y), lambda: (net.loss_and_gradients(x, y), net.update())):
        with pytest.raises(NetspecError, match="not measured yet") as e:
            call()
        assert e.value.diagnostics[0].code == "unprepared"
    net.prepare(x).train_step(x, y)
    with pytest.raises(NetspecError, match="no preparation"):
        netspec.compile(text=spec("scale 2"), device="reference").prepare(x)
    with pytest.raises(NetspecError, match="no finite number"):
        net.prepare(np.where(x == x.max(), np.nan, x))


def test_examples_that_are_made_when_asked_for_are_never_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    x = examples()
    at_once: list[int] = []

    class Made(Lazy):
        shape, dtype = x.shape, x.dtype

        def __getitem__(self, where: Any) -> Any:
            out = super().__getitem__(where)
            at_once.append(len(out))
            return out

        def example(self, number: int) -> Any:
            return x[number]

    from netspec.runtime.train import preparing

    monkeypatch.setattr(preparing, "AT_ONCE", 7 * x[0].size)
    net = netspec.compile(text=spec("standardise;whiten zca"), device="reference", dtype="float64")
    preparing.measure(net.state, preparing.preparations(net.graph), lambda: preparing.in_order({"input": Made()}))  # type: ignore[dict-item]
    assert max(at_once) == 7 and sum(at_once) == 100, "one pass for each line"
    assert np.allclose(net.predict(x)["seen"], seen("standardise;whiten zca", x), atol=1e-9)


def test_several_inputs_are_prepared_each_by_itself_or_one_by_name() -> None:
    text = ("net a:\n  input left 3x4x5\n  input right 3x4x5\n  output l: @left -> skip\n  output r: @right -> skip\n"
            "  @left -> add @right -> fc 4\ntrain a:\n  prepare {}\n  loss cross_entropy @out\n  sgd lr=0.1\n")
    x = {"left": examples(), "right": 3 * examples() + 1}
    for lines, left, right in (("centre", True, True), ("centre @left", True, False), ("centre @right\n  prepare scale 2", 2, 2)):
        net = netspec.compile(text=text.format(lines), device="reference")
        out = net.prepare(x).predict(x)
        for public, name, how in (("l", "left", left), ("r", "right", right)):
            a = x[name] - x[name].mean((0, 2, 3), keepdims=True) if how is True or (how == 2 and name == "right") else x[name]
            assert np.allclose(out[public], 2 * a if how == 2 else a, atol=1e-9), (lines, public)
    with pytest.raises(SpecError, match=r"no input @lefd"):
        netspec.load_graph(text=text.format("centre @lefd"))


def test_the_target_input_is_the_input_as_it_comes() -> None:
    text = "net a:\n  input 5\n  scale 1\ntrain a:\n  prepare centre mean=2\n  loss mse target=input\n  sgd lr=0.1\n"
    x = generator(0, "x").normal(size=(8, 5))
    for device in ("reference", "cpu"):
        net = netspec.compile(text=text, device=device, dtype="float64")
        assert net.evaluate(x)["loss"] == pytest.approx(4.0)
        _, _, into = net.loss_and_gradients(x, inputs=True)
        assert into["input"].shape == x.shape


def test_it_is_shown_as_a_step_and_counts_no_parameters(tmp_path: Path) -> None:
    graph = netspec.load_graph(text=spec("standardise"))
    shown = str(graph.summary())
    assert "prepare1" in shown and "prepare standardise" in shown and "7 buffers" in shown
    graph.draw(tmp_path / "a.svg")
    assert "prepare standardise" in (tmp_path / "a.svg").read_text()
    taken = netspec.load_graph(text="net a:\n  input 4\n  prepare1: fc 4\n  relu\ntrain a:\n  prepare centre\n  loss mse\n  sgd\n")
    assert [n.name for n in taken.graph.nodes] == ["input", "prepare2", "prepare1", "relu1"]


@pytest.mark.parametrize(("line", "shape", "code"), [
    ("whiten", (3, 40, 40), "too-large"), ("standardise mean=1", SHAPE, "bad-value"), ("standardise std=[1, 2, 3]", SHAPE, "bad-value"),
    ("standardise mean=[1, 2] std=[1, 2]", SHAPE, "bad-value"), ("standardise mean=0 std=0", SHAPE, "out-of-range"),
    ("standardise mean=\"a\" std=1", SHAPE, "bad-value"), ("scale 2 low=-1", SHAPE, "bad-value"), ("scale low=1 high=0", SHAPE, "bad-value"),
    ("scale min=3 max=[1, 2, 3]", SHAPE, "bad-value"), ("whiten mean=[1]", (1,), "bad-value"), ("standardize", SHAPE, "unknown-word"),
    ("centre picture", SHAPE, "unknown-word"), ("whiten pca zca", SHAPE, "contradiction"), ("", SHAPE, "missing-argument")])
def test_what_makes_no_sense_is_refused_where_it_stands(line: str, shape: tuple[int, ...], code: str) -> None:
    with pytest.raises(SpecError) as e:
        netspec.load_graph(text=spec(line, shape))
    assert code in {d.code for d in e.value.diagnostics}, str(e.value)


def test_a_mean_image_needs_a_size_and_a_mean_does_not() -> None:
    text = "net a:\n  input 3x?x?\n  avgpool global -> fc 2\ntrain a:\n  prepare {}\n  loss cross_entropy\n  sgd lr=0.1\n"
    with pytest.raises(SpecError, match="size"):
        netspec.load_graph(text=text.format("centre image"))
    x = examples()
    net = netspec.compile(text=text.format("standardise\n  prepare scale"), device="reference")
    net.fit(x, np.arange(50) % 2, epochs=1, verbose=0)
    assert np.allclose(net.buffers["prepare1.mean"], x.mean((0, 2, 3)))


def test_the_numbers_pass_through_the_reference_in_float64() -> None:
    """What stands below a line is measured on what the line makes of the examples, not on a float32 of it."""
    x = examples() + 1e4
    net = netspec.compile(text=spec("standardise;scale"), device="cpu").prepare(x)
    std = net.buffers["prepare1.std"].astype(np.float64)
    mean = net.buffers["prepare1.mean"].astype(np.float64)
    z = (x - mean[:, None, None]) / std[:, None, None]
    assert np.allclose(net.buffers["prepare2.least"], z.min((0, 2, 3)), rtol=1e-6)
