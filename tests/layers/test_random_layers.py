"""Layers with random options on random shapes against PyTorch, and numbers that are hard: far from zero, ties, none at all."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from test_layers import SAMPLES, random_values, torch_meaning

import netspec
from netspec.backends.reference.interpret import run
from netspec.ir.graph import Graph
from netspec.passes.differentiate import differentiate
from netspec.passes.lower import lower
from netspec.words import WordError
from small import Net, sequence
from sweeps import the_first

KINDS = ["conv", "conv", "conv", "deconv", "deconv", "maxpool", "maxpool", "minpool", "avgpool", "lppool", "adaptive", "unpool",
         "unpool", "norm", "norm", "lrn", "prelu", "up", "up", "pad", "crop",
         "shuffle", "maxout", "activation", "activation", "channels", "merge"]
ACTIVATIONS = ["relu", "relu6", "leaky 0.3", "elu 0.5", "celu 2", "selu", "gelu", "gelu tanh", "swish", "mish", "softplus",
               "softsign", "hardswish", "hardtanh", "hardsigmoid",
               "threshold 0.2", "tanh", "sigmoid", "softmax", "log_softmax", "abs"]


def sizes(r: Random, rank: int, most: int) -> str:
    return str(r.randint(1, most)) if rank == 1 or r.random() < 0.5 else "x".join(str(r.randint(1, most)) for _ in range(rank))


def pairs(r: Random, rank: int, most: int) -> str:
    return "[" + ", ".join(f"({r.randint(0, most)}, {r.randint(0, most)})" for _ in range(rank)) + "]"


def divisor(r: Random, c: int) -> int:
    return r.choice([d for d in range(1, c + 1) if c % d == 0])


def random_step(r: Random, kind: str, rank: int, c: int) -> str:
    groups, window, stride = divisor(r, c), sizes(r, rank, 4), sizes(r, rank, 3)
    match kind:
        case "conv":
            around = r.choice(["same", "valid", "pad=1", f"pad={pairs(r, rank, 2)}", "same_upper", "same_lower"])
            return (
                f"conv {groups * r.randint(1, 3)} {window} /{stride} {around} dilation={sizes(r, rank, 2)} groups={groups} {r.choice(['', 'bias=no', 'reflect', 'replicate', 'circular'])}")
        case "deconv":
            return (
                f"deconv {groups * r.randint(1, 3)} {window} /{stride} pad={r.randint(0, 2)} dilation={sizes(r, rank, 2)} output_pad={r.randint(0, 1)} groups={groups}")
        case "adaptive":
            return f"{r.choice(['maxpool', 'minpool', 'avgpool'])} to={sizes(r, rank, 7)}"
        case "maxpool" | "minpool":
            return (
                f"{kind} {window} /{stride} {r.choice(['same', 'valid', 'same_upper'])} {r.choice(['floor', 'ceil'])} dilation={sizes(r, rank, 2)}")
        case "avgpool":
            return (
                f"avgpool {window} /{stride} {r.choice(['same', 'valid', 'same_lower'])} {r.choice(['floor', 'ceil'])} {r.choice(['', 'count_pad=no'])}")
        case "lppool":
            return f"lppool {window} /{stride} {r.choice(['same', 'valid'])} p={r.choice([2, 4])}"
        case "norm":
            return r.choice(["bn", "bn eps=0.001 momentum=1", f"group_norm {groups}", "layer_norm", "layer_norm channels",
                             "instance_norm", "instance_norm affine"])
        case "lrn":
            return f"lrn {r.randint(1, 7)} alpha={r.choice([1e-4, 0.5])} beta={r.choice([0.75, 0.3])} k={r.choice([1, 2])}"
        case "prelu":
            return r.choice(["prelu", "prelu channels", "prelu elements"])
        case "up":
            return (
                f"up {r.choice([sizes(r, rank, 3), '@a'])} {r.choice(['nearest', 'exact', 'bilinear', 'bilinear aligned'] + ['bicubic', 'bicubic aligned'] * (rank == 2))}")
        case "pad":
            return f"pad {pairs(r, rank, 3)} {r.choice(['', 'value=1.5', 'reflect', 'replicate', 'circular'])}"
        case "crop":
            return f"crop {pairs(r, rank, 2)}"
        case "shuffle":
            return f"{r.choice(['shuffle', 'unshuffle'])} {r.randint(1, 2)} {r.choice(['crd', 'dcr'])}"
        case "maxout":
            return f"maxout {groups}"
        case "channels":
            return f"channels {r.randint(0, c - 1)}"
        case "merge":
            return f"{r.choice(['add', 'mul', 'sub', 'max', 'min', 'mean', 'concat'])} @b"
    return r.choice(ACTIVATIONS)


def random_layer(r: Random) -> tuple[Graph, str] | None:
    """A net of one layer called `layer`; None where the step refused its input."""
    rank = r.randint(1, 3)
    c = r.randint(1, 6) * r.choice([1, 1, 2**rank])
    shape = (c, *(r.randint(1, (0, 12, 8, 5)[rank]) for _ in range(rank)))
    kind = r.choice(KINDS)
    try:
        if kind == "unpool":
            pool = random_step(r, "maxpool", rank, c)
            first = Net({"x": shape})
            net = Net({"x": first.type(first(pool)).shape, "a": shape})  # type: ignore[dict-item]
            net.flow = "a"
            net(pool, "p")
            net.flow, step = "x", "unpool @p"
        else:
            step = random_step(r, kind, rank, c)
            like = (1, *(r.randint(1, 9) for _ in range(rank)))
            net = Net({"x": shape} | ({"a": like} if "@a" in step else {"b": shape} if "@b" in step else {}))
        net(step, "layer")
    except WordError:
        return None
    return net.graph(), f"{step if kind != 'unpool' else pool + ' -> unpool'} on {shape}"


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_random_layers_against_pytorch(seed: int, training: bool) -> None:
    torch = pytest.importorskip("torch")
    r, compared = Random(seed), 0
    for k in range(80):
        made = random_layer(r)
        if made is None:
            continue
        graph, said = made
        program = differentiate(inputs=True)(lower(training)(graph))
        values, ties = random_values(program, k), r.random() < 0.3
        # PyTorch divides a gradient among equals there; the first has it here
        if ties and not said.startswith(("max @", "min @", "maxout")):
            values |= {n: np.round(v) for n, v in values.items() if n in ("x", "a", "b")}
        tensors = {n: torch.tensor(v, dtype=torch.float64) for n, v in values.items()}
        for name, _ in program.gradients:
            tensors[name].requires_grad_()
        layer = graph.by_name["layer"]
        try:
            y = torch_meaning(layer.op, [tensors[i] for i in layer.inputs],
                              {n.removeprefix("layer."): v for n, v in tensors.items() if n.startswith("layer.")}, training)
        except (RuntimeError, ValueError):  # what PyTorch refuses
            continue
        if y is None:
            continue
        env = run(program, values, SAMPLES)
        np.testing.assert_allclose(env[program.outputs[0][1]], y.detach().numpy(), rtol=1e-9, atol=1e-9, err_msg=said)
        y.backward(tensors["d.out"])
        for name, g in program.gradients:
            # its norm of zeros has no gradient
            want = tensors[name].grad.nan_to_num(0.0).numpy() if tensors[name].grad is not None else np.zeros(values[name].shape)
            np.testing.assert_allclose(env[g].reshape(want.shape), want, rtol=1e-6, atol=1e-8 * max(1.0, float(abs(want).max())),
                                       err_msg=f"{said}: {name}")
        compared += 1
    assert compared > 30


def test_softsign_far_out() -> None:
    program = differentiate(inputs=True)(lower()(sequence(["softsign"], x=(3,))))
    x = np.array([[1e6, -1e6, 3.0]], np.float32)
    env = run(program, {"x": x, "d.out": np.ones_like(x)}, 1, np.float32)
    np.testing.assert_allclose(env[dict(program.gradients)["x"]], 1 / (1 + abs(x.astype(float))) ** 2, rtol=1e-6)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bilinear aligned", "bicubic", "bicubic aligned"])
def test_one_lost_pixel_is_not_the_whole_row(mode: str) -> None:
    """Upsampling reads no pixel that it does not weigh: what is no number, or infinite, stays where it is."""
    x = np.arange(10.0).reshape(1, 1, 10)
    for bad in (np.nan, np.inf):
        x[0, 0, 1] = bad
        program = lower()(sequence([f"up 3 {mode}"], x=(1, 10)))
        y = run(program, {"x": x}, 1)[program.outputs[0][1]]
        assert not np.isfinite(y[0, 0, 4])
        assert np.isfinite(y[0, 0, 12:]).all()


@pytest.mark.parametrize(("mean", "deviation"), the_first(1, [(1000, 1), (1e4, 1), (-3, 1e-3)]))
@pytest.mark.parametrize("steps", ["bn", "fc 6 init=orthogonal -> bn"])
def test_batch_norm_of_raw_numbers(mean: float, deviation: float, steps: str) -> None:
    """In float32, at the first step, when the running mean is still 0."""
    flat = steps != "bn"
    x = (mean + deviation * np.random.default_rng(0).standard_normal((16, 6) if flat else (8, 3, 7, 9))).astype(np.float32)
    net = netspec.compile(text=f"net a:\n  input {'6' if flat else '3x7x9'}\n  {steps}\n")
    wide = x.astype(float) @ net.parameters["fc1.weight"].T.astype(float) if flat else x.astype(float)
    axes = tuple(k for k in range(wide.ndim) if k != 1)
    want = (wide - wide.mean(axes, keepdims=True)) / np.sqrt(wide.var(axes, keepdims=True) + 1e-5)
    rounding = 1e-6 * abs(wide).max() / wide.std(axes).min()  # of the layer before, or of the mean itself
    assert abs(net.forward(x) - want).max() < max(1e-5, rounding)


def test_a_norm_after_a_concatenation_of_whole_blocks() -> None:
    text = (
        "net a:\n  input 3x8x8\n  conv 48 1x1\n  avgpool 2\n  repeat 2:\n    dense: instance_norm -> relu -> conv 16 3x3\n  instance_norm\n  fc 5\n")
    reference = netspec.compile(text=text, device="reference", dtype="float64")
    x = np.random.default_rng(0).standard_normal((3, 3, 8, 8))
    cpu = netspec.compile(text=text, dtype="float64")
    cpu.set_parameters(reference.parameters)
    np.testing.assert_allclose(cpu.forward(x), reference.forward(x), rtol=1e-10)


SQUEEZE = """
block squeeze(part=4):
  x: skip
  avgpool global
  conv in.channels/part 1x1 relu
  conv in.channels*part 1x1 sigmoid
  up @x
  mul @x

net a:
  input 3x6x7
  conv 16 3x3
  squeeze
"""


@pytest.mark.parametrize(("device", "dtype"), [("reference", "float64"), ("cpu", "float64"), ("cpu", "float32")])
def test_squeeze_and_excitation_against_pytorch(device: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    import torch.nn.functional as F

    net = netspec.compile(text=SQUEEZE, device=device, dtype=dtype)
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((4, 3, 6, 7)), rng.standard_normal((4, 16, 6, 7))
    p = {k: torch.tensor(v.astype(float), requires_grad=True) for k, v in net.parameters.items()}
    z = torch.tensor(x, requires_grad=True)

    def conv(v: Any, name: str, padding: int = 0) -> Any:
        return F.conv2d(v, p[f"{name}.weight"], p[f"{name}.bias"], padding=padding)

    flow = conv(z, "conv1", 1)
    y = flow * torch.sigmoid(conv(F.relu(conv(flow.mean((2, 3), keepdim=True), "squeeze1.conv1")), "squeeze1.conv2"))
    y.backward(torch.tensor(dy))
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(net.forward(x), y.detach().numpy(), rtol=tolerance, atol=tolerance)
    gradients = net.backward(dy)
    for name, t in {**p, "input": z}.items():
        np.testing.assert_allclose(gradients[name], t.grad.numpy(), rtol=tolerance, atol=tolerance * float(t.grad.abs().max()),
                                   err_msg=name)


@pytest.mark.parametrize("first", the_first(2, ["bn", "scale", "prelu channels", "prelu elements", "layer_norm", "group_norm 2"]))
def test_a_net_that_begins_with_learned_numbers(first: str) -> None:
    """Nothing wants the gradient of the images that come in, only its sums."""
    text = f"net a:\n  input 8x8x10\n  {first}\n  conv 24 3x3 relu\n  avgpool global\n  fc 4\n"
    x, y = np.random.default_rng(0).standard_normal((3, 8, 8, 10)), [0, 1, 2]
    reference, cpu = (netspec.compile(text=text, device=d, dtype="float64").configure(loss="cross_entropy",
                                                                                      optimiser="sgd lr=0.1")
                                                                                      for d in ("reference", "cpu"))
    (loss, want), (got_loss, got) = reference.loss_and_gradients(x, y), cpu.loss_and_gradients(x, y)
    assert got_loss == pytest.approx(loss, rel=1e-12)
    for name, g in want.items():
        np.testing.assert_allclose(got[name], g, rtol=1e-9, atol=1e-12, err_msg=name)
    assert cpu.train_step(x, y) == pytest.approx(loss, rel=1e-12)
