"""`weight_norm`: a direction and a length for each filter, both trained. That each layer with it has the right gradients is
tested on its examples, with all others; here is what goes through the whole of netspec."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_cpu import agree, distance, filled

import netspec
from emulated import EmulatedDevice
from netspec import SpecError
from netspec.backends.cpu.executor import CpuExecutor
from netspec.backends.cpu.families.step import Step
from netspec.backends.cpu.plan import plan_entry
from netspec.backends.cuda.executor import CudaExecutor
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.runtime.standalone.emit import standalone

# every layer that has the word, between others: pictures with few channels and many, groups in lanes and not, flat and wide
BODY = """  input 3x7x8
  conv 6 3x3 /2 same_upper W relu
  conv 8 3x3 groups=2 W bn relu
  conv 8 3x3 groups=8 W dilation=2
  deconv 5 3x2 /2 W tanh
  local 3 3x3 /3 W
  fc 12 W relu
  fc 4 W
"""
TRAIN = "train a:\n  loss cross_entropy\n  sgd lr=0.1 momentum=0.9 decay=0.01\n"
X: NDArray[Any] = np.random.default_rng(0).standard_normal((6, 3, 7, 8))
Y = np.arange(6) % 4
PLAIN, NORMED = (f"net a:\n{BODY.replace(' W', w)}\n{TRAIN}" for w in ("", " weight_norm"))
PARTS = [("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1")]


def net(text: str = NORMED, device: str = "reference", dtype: str = "float64", **more: Any) -> netspec.Network:
    return netspec.compile(text=text, device=device, dtype=dtype, **more)


def of(name: str) -> str:
    return name.replace("weight_v", "weight")


def test_it_begins_as_the_layer_without_it() -> None:
    plain, normed = net(PLAIN, seed=3), net(seed=3)
    for name, v in normed.parameters.items():
        if name.endswith("_g"):
            w = plain.parameters[name.replace("_g", "")]
            np.testing.assert_allclose(v, np.sqrt((w**2).sum(tuple(range(v.ndim, w.ndim)))), rtol=1e-14)
        else:
            np.testing.assert_array_equal(v, plain.parameters[of(name)])
    np.testing.assert_allclose(normed.predict(X), plain.predict(X), rtol=1e-12)
    a, b = (netspec.load_graph(text=t).counts() for t in (PLAIN, NORMED))
    filters = 6 + 8 + 8 + 8 + 3 * 9 + 12 + 4  # those of `local` at each of 3x3 places; those of `deconv` are of what it reads
    assert b.totals.parameters - a.totals.parameters == filters
    assert [n.macs for n in a.nodes] == [n.macs for n in b.nodes]


@pytest.mark.parametrize("begins", ["xavier", "orthogonal", "0.5", "zeros"])
def test_what_init_says_is_of_both(begins: str) -> None:
    text = "net a:\n  input 4\n  fc 3{} init={}\n"
    plain, normed = net(text.format("", begins)), net(text.format(" weight_norm", begins))
    x = X[:, 0, 0, :4]
    np.testing.assert_allclose(normed.predict(x), plain.predict(x), rtol=1e-14)


def test_lsuv_scales_lengths() -> None:
    plain, normed = net(PLAIN), net()
    for n in (plain, normed):
        n.initialise("lsuv", X)
    np.testing.assert_allclose(normed.predict(X), plain.predict(X), rtol=1e-10)
    v = normed.parameters["conv2.weight_v"].reshape(8, -1)
    np.testing.assert_allclose(v @ v.T, np.eye(8), atol=1e-12)


def test_a_filter_of_zeros_stays_zero() -> None:
    n = net("net a:\n  input 4\n  fc 3 weight_norm bias=no\ntrain a:\n  loss mse\n  sgd lr=0.1\n")
    v = np.array(n.parameters["fc1.weight_v"])
    v[1] = 0
    n.parameters["fc1.weight_v"] = v
    x = X[:, 0, 0, :4]
    n.train_step(x, np.ones((6, 3)))
    assert np.isfinite(n.predict(x)).all() and not n.predict(x)[:, 1].any() and not n.parameters["fc1.weight_v"][1].any()


def test_decay_and_factors_are_of_both_parts() -> None:
    n = net(NORMED.replace("fc 4 weight_norm", "fc 4 weight_norm lr=0 bias_lr=1").replace("lr=0.1 momentum=0.9", "lr=0.1"))
    n.freeze("conv1.weight_v", "conv2.weight_g")
    before = {k: v.copy() for k, v in n.parameters.items()}
    _, gradients = n.loss_and_gradients(X, Y)
    n.train_step(X, Y)
    for name in ("conv1.weight_v", "conv2.weight_g", "fc2.weight_v", "fc2.weight_g"):
        np.testing.assert_array_equal(n.parameters[name], before[name])
    for name in ("conv1.weight_g", "conv2.weight_v", "fc1.weight_v", "fc1.weight_g"):
        np.testing.assert_allclose(n.parameters[name], before[name] - 0.1 * (gradients[name] + 0.01 * before[name]), rtol=1e-12)


# ---------------------------------------------------------------- backends
def test_the_cpu_agrees_with_the_reference() -> None:
    """Whatever is frozen; samples of several parts."""
    graph = net().graph
    agree(filled(CpuExecutor(graph, "float64")), filled(ReferenceExecutor(graph)), 5)
    for frozen in (("conv1.weight_v", "fc1.weight_v", "local1.weight_v"), ("conv2.weight_g", "deconv1", "fc2.weight_v")):
        a, b = net(device="cpu"), net()
        for n in (a, b):
            n.freeze(*frozen)
            for _ in range(2):
                n.train_step(X, Y)
        assert max(distance(a.parameters[k], v) for k, v in b.parameters.items()) < 1e-11


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_of_it_is_a_generic_loop(dtype: str) -> None:
    """Weights are made once a step, before everything; a prediction finds them made."""
    graph, plain = net().graph, net(PLAIN).graph
    for entry in ("gradients", "predict"):
        planned, without = (plan_entry(g, entry, (), dtype)[0] for g in (graph, plain))
        kinds, others = ([n.op.kind for n in p.program.nodes if isinstance(n.op, Step)] for p in (planned, without))
        assert "loop" not in kinds
        assert [k for k in kinds if k != "filters"] == others
        assert kinds.count("filters") == (14 if entry == "gradients" else 0)
        first = [c for c in planned.schedule.prepare.calls if c is not None and c.name.endswith(".square")]
        assert len(first) == (7 if entry == "gradients" else 0)


@pytest.mark.sweep
def test_the_same_bits_on_any_number_of_threads() -> None:
    from netspec.backends.cpu.engine.workers import set_threads

    held = []
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            n = net(device="cpu", dtype="float32")
            for _ in range(2):
                n.train_step(X, Y)
            held.append(b"".join(v.tobytes() for v in n.parameters.values()))
    finally:
        set_threads(None)
    assert len(set(held)) == 1


def test_cuda_agrees_with_the_reference() -> None:
    graph = net("net a:\n  input 2x4x3\n  conv 4 3x3 weight_norm tanh\n  deconv 2 2x2 weight_norm\n  fc 3 weight_norm\n").graph
    agree(filled(CudaExecutor(graph, "float64", on=EmulatedDevice())), filled(ReferenceExecutor(graph)), 3)


@pytest.mark.torch
@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_steps_of_pytorch(device: str) -> None:
    torch = pytest.importorskip("torch")
    from torch import nn

    normed: Any = nn.utils.parametrizations.weight_norm
    text = ("net a:\n  input 3x7x8\n  conv 6 3x3 /2 weight_norm relu\n  conv 8 3x3 groups=2 weight_norm tanh\n  deconv 5 3x2 /2 weight_norm tanh\n"
            "  fc 4 weight_norm\ntrain a:\n  loss cross_entropy\n  sgd lr=0.1 momentum=0.9\n")
    n = net(text, device)
    model = nn.Sequential(normed(nn.Conv2d(3, 6, 3, 2, 1)), nn.ReLU(), normed(nn.Conv2d(6, 8, 3, 1, 1, groups=2)), nn.Tanh(),
                          normed(nn.ConvTranspose2d(8, 5, (3, 2), 2)), nn.Tanh(), nn.Flatten(), normed(nn.Linear(360, 4)))
    model.double()
    ours = {"0": "conv1", "2": "conv2", "4": "deconv1", "7": "fc1"}
    names = {"bias": "bias", "parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    there = {f"{ours[k]}.{v}": p for k in ours for name, v in names.items() for p in [model.get_parameter(f"{k}.{name}")]}
    with torch.no_grad():
        for name, p in there.items():
            p.copy_(torch.tensor(n.parameters[name]).reshape(p.shape))
            if name.endswith("_g"):
                p.mul_(1.5)
                n.parameters[name] = p.numpy().reshape(-1)
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        loss = nn.functional.cross_entropy(model(torch.tensor(X)), torch.tensor(Y))
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        assert abs(n.train_step(X, Y) - float(loss.detach())) < 1e-12
    for name, p in there.items():
        want = p.detach().numpy().reshape(n.parameters[name].shape)
        np.testing.assert_allclose(n.parameters[name], want, rtol=1e-9, atol=1e-13)


# ---------------------------------------------------------------- files
@pytest.mark.parametrize(("length", "direction"), PARTS)
def test_parts_of_a_file_are_taken_as_they_are(length: str, direction: str, tmp_path: Path) -> None:
    rng, theirs = np.random.default_rng(1), net()
    for name, v in theirs.parameters.items():
        theirs.parameters[name] = rng.uniform(0.5, 2, v.shape) * rng.choice([-1, 1], v.shape)
    numbers = {}
    for name, v in {**theirs.parameters, **theirs.buffers}.items():
        there = name.replace("weight_g", length).replace("weight_v", direction)
        axes = theirs.parameters[name[:-1] + "v"].ndim - v.ndim if name.endswith("weight_g") else 0
        numbers[there] = v.reshape(*v.shape, *(1,) * axes)
    np.savez(tmp_path / "a.npz", **numbers)
    mine, plain = net().load_weights(tmp_path / "a.npz"), net(PLAIN).load_weights(tmp_path / "a.npz")
    for name, v in theirs.parameters.items():
        np.testing.assert_array_equal(mine.parameters[name], v)
    np.testing.assert_allclose(plain.predict(X), theirs.predict(X), rtol=1e-10)


def test_between_nets_with_and_without(tmp_path: Path) -> None:
    """Checkpoints of either load into the other; a net goes on from its own as if it had never stopped."""
    plain, normed = net(PLAIN), net()
    for n in (plain, normed):
        for _ in range(2):
            n.train_step(X, Y)
    plain.save(tmp_path / "plain.safetensors")
    normed.save(tmp_path / "normed.safetensors")
    into = net().load_weights(tmp_path / "plain.safetensors")
    np.testing.assert_allclose(into.predict(X), plain.predict(X), rtol=1e-10)
    np.testing.assert_array_equal(into.parameters["conv1.weight_v"], plain.parameters["conv1.weight"])
    np.testing.assert_allclose(net(PLAIN).load_weights(tmp_path / "normed.safetensors").predict(X), normed.predict(X), rtol=1e-10)
    again = netspec.load(tmp_path / "normed.safetensors", device="reference")
    for n in (again, normed):
        n.train_step(X, Y)
    for name, v in normed.parameters.items():
        np.testing.assert_array_equal(again.parameters[name], v)


def test_export_writes_whole_weights(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    n = net()
    n.train_step(X, Y)
    n.export(tmp_path / "a.onnx")
    read = netspec.import_onnx(tmp_path / "a.onnx", tmp_path / "a.net", device="reference")
    np.testing.assert_allclose(read.predict(X), n.predict(X), rtol=1e-4, atol=1e-5)
    assert "weight_norm" not in (tmp_path / "a.net").read_text()


@pytest.mark.sweep
def test_a_file_that_stands_alone(tmp_path: Path) -> None:
    """First values, steps and predictions are those of netspec, to the bit: of a weight that is read under another shape, with
    batch norm folded into it, too."""
    n = net(f"net a:\n  input 3x7x8\n  conv 8 3x3 /2 weight_norm relu\n  fc 8 weight_norm bn relu\n  fc 4\n{TRAIN}", "cpu", "float32", seed=2)
    (tmp_path / "weight_norm_alone.py").write_text(standalone(n.graph), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("weight_norm_alone", tmp_path / "weight_norm_alone.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    alone = module.Network(seed=2)
    for _ in range(3):
        np.testing.assert_array_equal(alone.predict(X), n.predict(X))
        alone.step(X, Y)
        n.train_step(X, Y)
    for name, v in n.parameters.items():
        np.testing.assert_array_equal(alone.parameters[name], v)


@pytest.mark.parametrize("more", ["values=[1, 2, 1, 2, 4, 2, 1, 2, 1]", "table=[[0], [0, 1]]"])
def test_filters_that_are_not_learned_whole(more: str) -> None:
    with pytest.raises(SpecError, match="weight_norm learns whole filters"):
        net(f"net a:\n  input 2x4x4\n  conv 2 3x3 weight_norm {more}\n")
