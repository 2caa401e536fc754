"""Numbers far from zero and from one: every layer and loss beside float64, over scales and offsets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_layers import POSITIVE, SAMPLES, graph_of, random_values, torch_meaning

import netspec
from netspec.backends.reference.interpret import run
from netspec.passes.differentiate import differentiate
from netspec.passes.lower import lower
from netspec.words.layer import LAYERS
from sweeps import one_of_each

EPS = float(np.finfo(np.float32).eps)
LOGARITHMIC = np.append(10.0 ** np.arange(-30, 30.1, 1.5), 3e38)
LINEAR = np.arange(0.25, 40, 0.75)
POINTS = np.sort(np.concatenate([sign * part for sign in (-1, 1) for part in (LOGARITHMIC, LINEAR)])).astype(np.float32)


def sigmoid(x: Any) -> Any:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def exponential(x: Any, scale: float = 1.0) -> Any:
    return scale * np.exp(np.minimum(x, 0) / scale), np.expm1(np.minimum(x, 0) / scale)


# Closed forms in float64: value and slope. The number is an absolute error that both may have beside some units in the last
# place: that of the value a slope is taken from, as PyTorch takes it.
FORMS: dict[str, tuple[Any, Any, float]] = {
    "elu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0))), 0),
    "elu 0.7": (lambda x: np.where(x > 0, x, 0.7 * np.expm1(np.minimum(x, 0))),
                lambda x: np.where(x > 0, 1, 0.7 * np.exp(np.minimum(x, 0))), 0),
    "selu": (lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
             lambda x: 1.0507009873554805 * np.where(x > 0, 1, 1.6732632423543772 * np.exp(np.minimum(x, 0))), 0),
    "celu 0.5": (lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0) * 2)),
                 lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0) * 2)), 0),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), sigmoid, 0),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) / (1 + np.abs(x)), 0),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x), EPS),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(np.minimum(np.abs(x), 300)) ** 2, EPS),
    "lecun_tanh": (lambda x: 1.7159 * np.tanh(x * 2 / 3), lambda x: 1.7159 * 2 / 3
                   / np.cosh(np.minimum(np.abs(x * 2 / 3), 300)) ** 2, 2 * EPS),
    "swish": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) + x * sigmoid(x) * sigmoid(-x), 8 * EPS),
    "mish": (lambda x: x * np.tanh(softplus(x)), lambda x: np.tanh(softplus(x)) + x * sigmoid(x)
             / np.cosh(np.minimum(softplus(x), 300)) ** 2, 8 * EPS),
    "gelu tanh": (lambda x: x * sigmoid(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)), None, 0),
    "exp": (np.exp, np.exp, 0),
    "log": (np.log, lambda x: 1 / x, 0),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x), 0),
    "square": (np.square, lambda x: 2 * x, 0),
    "hardsigmoid": (lambda x: np.clip((x + 3) / 6, 0, 1), lambda x: np.where(np.abs(x) < 3, 1 / 6, 0), 0),
    "hardswish": (lambda x: np.where(x <= -3, 0, np.where(x >= 3, x, x * (x + 3) / 6)),
                  lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6)), EPS),
}


@pytest.fixture(scope="module")
def activations() -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and slopes of each form at each point, of one network on the CPU."""
    names = [f"y{k}" for k in range(len(FORMS))]  # an input each: what one form makes of a number is nothing to another
    net = netspec.compile(text="net all:\n" + "".join(f"  input x{n} {len(POINTS)}\n" for n in names)
                          + "".join(f"  output {n}: @x{n} -> {spec}\n" for n, spec in zip(names, FORMS)))
    x = {f"x{n}": POINTS[None] for n in names}
    values = net.forward(x)
    slopes = net.backward({k: np.ones_like(v) for k, v in values.items()}, inputs=True)
    return ({spec: values[n][0] for n, spec in zip(names, FORMS)}, {spec: slopes[f"x{n}"][0] for n, spec in zip(names, FORMS)})


@pytest.mark.sweep  # one net of all of them
@pytest.mark.parametrize("spec", FORMS)
def test_values_and_slopes_at_every_scale(spec: str, activations: Any) -> None:
    value, slope, absolute = FORMS[spec]
    x = POINTS.astype(np.float64)
    tiny = 2.0**-149 * np.maximum(1, np.abs(x))  # a denormal factor of x
    with np.errstate(all="ignore"):
        for got, want, more in ((activations[0][spec], value(x), 0.0), (activations[1][spec], slope and slope(x), absolute)):
            if want is not None:
                steep = 64 * EPS if spec == "gelu tanh" else 4 * EPS  # the exponential of a large, rounded argument
                known = np.isfinite(want.astype(np.float32))  # elsewhere both are infinite, or no numbers
                assert np.array_equal(got[~known], want[~known].astype(np.float32), equal_nan=True), spec
                assert np.all((np.abs(got - want) <= steep * np.abs(want) + more + tiny)[known]), spec


MEANS = ((0.0, 1.0), (1.0, 1.0), (5.0, 0.1), (1e4, 1e-2), (1e6, 1.0), (1e7, 10.0), (1e8, 100.0), (1e8, 1e8), (1e-8, 1e-8))
NORMS = ("bn", "relu -> bn", "conv 5 1x1 bias=no -> bn", "instance_norm affine", "group_norm 1", "group_norm 5", "layer_norm",
         "layer_norm channels")


def normalised(last: str, x: Any, dy: Any, w: Any, bias: Any) -> dict[str, tuple[Any, float]]:
    """A norm in training in float64, each number with what its error is measured by: the largest value, or the size of what is
    added up."""
    axes = {"bn": (0, 2, 3), "instance_norm": (2, 3), "group_norm 5": (2, 3),
            "layer_norm channels": (1,)}.get(last.removesuffix(" affine"), (1, 2, 3))
    m, v = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    r = 1 / np.sqrt(v + 1e-5)
    h, f = (x - m) * r, dy * w
    over = (0,) if last == "layer_norm" else (0, 2, 3)
    found = {"y": h * w + bias, "input": r * (f - f.mean(axes, keepdims=True) - h * (f * h).mean(axes, keepdims=True)),
             "weight": (dy * h).sum(over),
             "bias": dy.sum(over), "mean": 0.1 * m.ravel(), "var": 0.9 + 0.1 * v.ravel() * x[:, 0].size / (x[:, 0].size - 1)}
    sizes = {"weight": np.abs(dy * h).sum(over), "bias": np.abs(dy).sum(over), "mean": np.abs(m).ravel() + np.sqrt(v).ravel()}
    return {k: (want, float(np.abs(sizes.get(k, want)).max())) for k, want in found.items()}


@pytest.mark.parametrize("norm", one_of_each(NORMS, lambda norm: norm.rpartition("-> ")[2] == "bn"))
def test_norms_wherever_the_mean_is(norm: str) -> None:
    """float32 beside float64, relative to the largest value, but for the noise of sums: 3e-6; of norms within an image 3e-3
    where the deviation is less than a part in a million of the mean."""
    rng, shape, last = np.random.default_rng(0), (4, 5, 40, 30), norm.rpartition("-> ")[2]
    net = netspec.compile(text="net n:\n  input 5x40x30\n  " + norm.replace(last, f"q: {last}")
                          + "\n").configure(loss="mse", optimiser="sgd lr=0")
    if "conv1.weight" in net.parameters:
        net.parameters["conv1.weight"] = np.eye(5)[:, :, None, None]
    w, bias = (rng.uniform(0.5, 1.5, net.parameters["q.weight"].shape).astype(np.float32) for _ in range(2))
    net.set_parameters({"q.weight": w, "q.bias": bias})
    base, dy = rng.uniform(-2, 2, shape), rng.standard_normal(shape).astype(np.float32)
    for mean, std in MEANS:
        x = (base * std + mean).astype(np.float32)
        x = np.abs(x) if "relu" in norm else x
        wide = (lambda a: a) if last == "layer_norm" else (lambda a: a[:, None, None])
        want = normalised(last, x.astype(np.float64), dy.astype(np.float64), wide(w.astype(np.float64)),
                          wide(bias.astype(np.float64)))
        got = {"y": net.forward(x)} | {k.removeprefix("q."): v for k, v in net.backward(dy).items()}
        if last == "bn":
            net.train_step(x, dy)
            got |= {k: net.buffers[f"q.{k}"] for k in ("mean", "var")}
            net.set_parameters({"q.mean": np.zeros(5), "q.var": np.ones(5)})
        for k in got.keys() & want.keys():
            many = 3e-2 if last == "layer_norm channels" and mean > 1e3 else 3e-6 if mean < 10 or last == "bn" else 3e-3
            wanted, scale = want[k]
            error = np.abs(got[k] - wanted).max() / scale
            assert error <= many, (norm, mean, std, k, error)


def test_evaluation_takes_the_mean_off_first() -> None:
    """Running statistics far from zero: folded into a convolution or not."""
    rng = np.random.default_rng(1)
    x, bias = rng.uniform(-1, 1, (2, 3, 5, 4)).astype(np.float32), np.array([1e8, -1e6, 0.0], np.float32)
    net = netspec.compile(text="net n:\n  input 3x5x4\n  avgpool 1\n  bn\n")
    net.set_parameters({"bn1.mean": bias, "bn1.var": [1e4, 1.0, 1e-3]})
    far = (x * np.sqrt([1e4, 1.0, 1e-3])[:, None, None] + bias[:, None, None]).astype(np.float32)
    want = (far.astype(np.float64) - bias[:, None, None]) / np.sqrt(np.float32([1e4, 1.0, 1e-3]) + 1e-5)[:, None, None]
    assert np.abs(net.predict(far) - want).max() < 1e-6
    net = netspec.compile(text="net n:\n  input 3x5x4\n  conv 3 1x1 -> bn\n")
    net.set_parameters({"conv1.weight": np.eye(3)[:, :, None, None], "conv1.bias": bias, "bn1.mean": bias, "bn1.var": np.ones(3)})
    assert np.abs(net.predict(x) - x / np.sqrt(1 + 1e-5)).max() < 1e-6


@pytest.mark.sweep
def test_sums_over_large_planes() -> None:
    """A plane of 512 x 512 is not added up in float32 one place after another."""
    x = np.random.default_rng(2).uniform(0, 1, (1, 3, 512, 512)).astype(np.float32)
    net = netspec.compile(
        text="net n:\n  input 3x512x512\n  output plain: bn\n  output fused: conv 3 1x1 bias=no -> bn\n  output mean: avgpool global\n  instance_norm\n")
    net.parameters["fused.conv1.weight"] = np.eye(3)[:, :, None, None]
    wide = x.astype(np.float64)
    want = (wide - wide.mean((2, 3), keepdims=True)) / np.sqrt(wide.var((2, 3), keepdims=True) + 1e-5)
    got = net.forward(x)
    for name in ("plain", "fused", "out"):
        assert np.abs(got[name] - want).max() < 2e-6, name
    assert np.abs(got["mean"] - wide.mean((2, 3), keepdims=True)).max() < 1e-6


SCALES = (1e-30, 1e-20, 1e-10, 1e-3, 1.0, 1e3, 1e8)
SQUARES = (1e17, 1e30)  # no square of these, or no sum of squares, is a float32
# products of what is scaled alike, too
SQUARING = {"bn", "group_norm", "instance_norm", "layer_norm", "lrn", "lppool", "mul", "square", "bilinear", "conv", "deconv", "fc"}
SWEPT = [pytest.param(name, cls.examples[0], id=name) for name, cls in LAYERS.items() if cls.examples
         and name not in ("dropout",)]


def swept(example: Any, scale: float, shift: float, dtype: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result and every gradient of a layer in training, by its formulas in this type, its inputs scaled and shifted; and
    the values it was given."""
    program = differentiate(inputs=True)(lower(True)(graph_of(example)))
    values = random_values(program, positive=example.spec in POSITIVE)
    for n in program.inputs:
        if n.op.role == "input":
            values[n.name] = values[n.name] * scale + shift * scale
    values |= {k: np.zeros_like(v) for k, v in values.items() if k.endswith(".mean")}  # as in a new net
    values = {k: np.asarray(v, np.float32).astype(dtype) for k, v in values.items()}
    with np.errstate(all="ignore"):
        env = run(program, values, SAMPLES, dtype)
    return {"result": env[program.outputs[0][1]]} | {name: env[g] for name, g in program.gradients}, values


def scales(name: str) -> tuple[float, ...]:
    """Those at which the squares that a layer takes are float32; PyTorch's overflow and vanish at the same."""
    return tuple(s for s in SCALES if name != "lppool" or s > 1e-15) + (() if name in SQUARING else SQUARES)


@pytest.mark.parametrize(("name", "example"), SWEPT)
def test_every_layer_at_every_scale(name: str, example: Any) -> None:
    """The formulas of every layer in float32 beside float64: within 2e-5 of the largest value, wherever that is a float32."""
    for scale in scales(name):
        for shift in (0.0, 30.0):
            got, want = (swept(example, scale, shift, t)[0] for t in (np.float32, np.float64))
            for k, w in want.items():
                most = float(np.abs(w).max())
                if 1e-34 < most < 1e37:
                    assert np.abs(got[k] - w).max() <= 2e-5 * max(most, smallest(name)), (scale, shift, k)


@pytest.mark.parametrize(("name", "example"), SWEPT)
def test_no_layer_is_less_exact_than_pytorch(name: str, example: Any) -> None:
    """Errors in float32, ours at most 4 times PyTorch's, but for rounding: 1e-6 of the largest value."""
    torch = pytest.importorskip("torch")
    layer = graph_of(example).by_name["layer"]
    for scale in scales(name):
        for shift in (0.0, 30.0):
            (got, values), (want, _) = (swept(example, scale, shift, t) for t in (np.float32, np.float64))
            tensors = {k: torch.tensor(v) for k, v in values.items()}
            for k in want.keys() - {"result"}:
                tensors[k].requires_grad_()
            y = torch_meaning(layer.op, [tensors[i] for i in layer.inputs],
                              {k.removeprefix("layer."): v for k, v in tensors.items() if k.startswith("layer.")}, True)
            if y is None:
                pytest.skip("PyTorch has no such layer")
            y.backward(tensors["d.out"])
            theirs = {"result": y.detach()} | {k: tensors[k].grad for k in want.keys() - {"result"}}
            for k, w in want.items():
                most = float(np.abs(w).max())
                if theirs[k] is not None and 1e-34 < most < 1e37:
                    ours, peer = (float(np.abs(np.reshape(a, w.shape) - w).max()) for a in (got[k], theirs[k].numpy()))
                    rounding = 1e-5 if name == "bn" and scale < 1 else 1e-6  # below its eps a far mean is not looked at again
                    assert not ours > 4 * peer + rounding * max(most, smallest(name)), (scale, shift, k, ours / most, peer / most)


def smallest(name: str) -> float:
    """What a layer's error is measured by at least: a slope is taken from the value, or the inputs are near each other."""
    return {"tanh": 1e-2, "sigmoid": 1e-2, "lecun_tanh": 1e-2, "gelu": 1e-2, "swish": 1e-2, "mish": 1e-2, "softmax": 1e-2,
            "log_softmax": 1e-2, "hardswish": 1e-2}.get(name, 0.0)
