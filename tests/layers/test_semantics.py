"""Layers against numbers recorded from PyTorch, Keras, Caffe and ONNX (layer_semantics.json), and the CS231n course's own
(cs231n.json)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from netspec.backends.reference.interpret import run
from netspec.ir.graph import Input, Parameter
from netspec.ir.types import TensorType
from netspec.layers.parts.windows import out_sizes
from netspec.optimisers import OPTIMISERS
from netspec.passes.differentiate import differentiate
from netspec.passes.lower import lower
from netspec.words.layer import LAYERS
from small import Net, sequence, word
from where import REFERENCES

HERE = REFERENCES
SEMANTICS = {x["layer"]: x["examples"] for x in json.loads((HERE / "layer_semantics.json").read_text(encoding="utf-8"))["layers"]}
COURSE = {c["name"]: c for c in json.loads((HERE / "cs231n.json").read_text(encoding="utf-8"))["cases"]}


def images(x: Any) -> Any:
    """An array with a batch axis: a plain list is one number for each of its samples' only channel."""
    x = np.asarray(x, float)
    return x[:, None] if x.ndim == 1 else x


def forward(steps: list[str], x: Any, parameters: dict[str, Any] | None = None, dy: Any = None,
            training: bool = False) -> dict[str, Any]:
    """Result `y`, gradients by parameter and `x`, and the program's effects by buffer."""
    graph = sequence(steps, x=np.shape(x)[1:])
    program = lower(training)(graph)
    values: dict[str, Any] = {"x": np.asarray(x, float)}
    if dy is not None:
        program = differentiate(inputs=True)(program)
        values["d.out"] = np.broadcast_to(dy, (len(x), *(s or 0 for s in program.values[program.outputs[0][1]].type.shape)))
    for n in program.nodes:
        if isinstance(n.op, Parameter):
            given = (parameters or {}).get(n.name.rsplit(".", 1)[-1])
            values[n.name] = np.reshape(given if given is not None else n.op.values, n.type.shape)  # type: ignore[arg-type]
        elif isinstance(n.op, Input) and n.op.role == "scalar":
            values[n.name] = np.zeros(1)
    env = run(program, values, len(x))
    out = {"y": env[program.outputs[0][1]]}
    out |= {name.rsplit(".", 1)[-1]: env[g] for name, g in program.gradients}
    return out | {n.effect.rsplit(".", 1)[-1]: env[n.name] for n in program.nodes if n.effect}


def same(got: Any, want: Any, rtol: float = 1e-12) -> None:
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol)


TESTED = {"optimisers", "learning-rate schedules"}  # in test_optimisers.py


def cases(layer: str) -> pytest.MarkDecorator:
    TESTED.add(layer)
    return pytest.mark.parametrize("case", SEMANTICS[layer], ids=lambda c: "-".join(f"{v}" for v in c["attrs"].values())[:70])


@cases("max_pool2d")
def test_max_pooling(case: dict[str, Any]) -> None:
    a = case["attrs"]
    step = f"maxpool {a['kernel']} /{a['stride']} pad={a.get('pad', 0)} {'ceil' if a.get('ceil_mode') else 'floor'}"
    got = forward([step], case["inputs"]["x"], dy=1.0)
    same(got["y"], case["outputs"]["y"])
    if "dx_for_dy_1" in case["outputs"]:
        same(got["x"], case["outputs"]["dx_for_dy_1"])


@cases("avg_pool2d")
def test_average_pooling(case: dict[str, Any]) -> None:
    a = case["attrs"]
    if a["op"] == "avg_pool2d":
        step = (
            f"avgpool {a['kernel']} /{a['stride']} pad={a['pad']} {'ceil' if a['ceil_mode'] else 'floor'} count_pad={'yes' if a['count_include_pad'] else 'no'}")
    else:
        step = "avgpool 3 /2 pad=1 count_pad=no"
    same(forward([step], case["inputs"]["x"])["y"], case["outputs"]["y"], 1e-6 if a["op"] == "AveragePool" else 1e-12)


@cases("batch_norm")
def test_batch_normalisation(case: dict[str, Any]) -> None:
    i, o, keras = case["inputs"], case["outputs"], "keras" in case["attrs"]["op"]
    parameters = {"weight": i["gamma"], "bias": i["beta"], "mean": i.get("running_mean", [0, 0]),
                  "var": i.get("running_var", [1, 1])}
    step = "bn biased eps=0.001 momentum=0.1" if keras else "bn eps=1e-5 momentum=0.1"
    training = case["attrs"]["training"]
    got = forward([step], i["x"], parameters, i.get("dy"), training)
    tolerance = 1e-6 if keras else 1e-11
    same(got["y"], o["y"], tolerance)
    if training:
        same(got["mean"], o["moving_mean" if keras else "running_mean"], tolerance)
        same(got["var"], o["moving_variance" if keras else "running_var"], tolerance)
    if "dx" in o:
        for ours, theirs in (("x", "dx"), ("weight", "dgamma"), ("bias", "dbeta")):
            same(got[ours], o[theirs], 1e-11)


@cases("same padding")
def test_same_padding(case: dict[str, Any]) -> None:
    """`same` here is symmetric; TensorFlow's is written as pairs."""
    a, w = case["attrs"], np.array(case["inputs"]["w_OIHW"])
    pad = "pad=1" if "pads" not in a else "pad=[({0}, {1}), ({0}, {1})]".format(*a["pads"])
    step = f"conv {w.shape[0]} {w.shape[2]}x{w.shape[3]} /{a['stride']} {pad} bias=no"
    same(forward([step], case["inputs"]["x"], {"weight": w})["y"], case["outputs"]["y"], 1e-6)


@cases("conv2d")
def test_convolution(case: dict[str, Any]) -> None:
    a, i = case["attrs"], case.get("inputs", {})
    if a["op"] == "conv output size":
        assert out_sizes((a["n"],), (a["k"],), (a["stride"],), ((a["pad"], a["pad"]),),
                         (a["dilation"],)) == (case["outputs"]["n_out"],)
        return
    w = np.array(i["w_OIHW"])
    step = (
        f"conv {w.shape[0]} {w.shape[2]}x{w.shape[3]} /{a.get('stride', 1)} pad={a.get('pad', 0)} groups={a['groups']} dilation={a.get('dilation', 1)}")
    got = forward([step], i["x"], {"weight": w, "bias": i.get("b", np.zeros(len(w)))}, i.get("dy"))
    same(got["y"], case["outputs"]["y"])
    if "dy" in i:
        for ours, theirs in (("x", "dx"), ("weight", "dw"), ("bias", "db")):
            same(got[ours], case["outputs"][theirs])


@cases("upsample")
def test_upsampling(case: dict[str, Any]) -> None:
    a = case["attrs"]
    if "deconv filter" in a["op"]:
        filter_ = np.array(case["outputs"]["w"])
        k = a["k"]
        centre = (k + 1) // 2 - 1 if k % 2 else (k + 1) / 2 - 1
        ramp = 1 - np.abs(np.arange(k) - centre) / ((k + 1) // 2)
        same(np.outer(ramp, ramp), filter_)
        return
    x = np.array(case["inputs"]["x"])
    if "deconv" in a["op"]:
        ramp = np.array([0.25, 0.75, 0.75, 0.25])
        got = forward(["deconv 1 4x4 /2 pad=1 bias=no"], x, {"weight": np.outer(ramp, ramp)})["y"]
    elif a["op"] == "interpolate" and "size" in a:
        net = Net({"x": x.shape[1:], "like": (1, *a["size"])})
        net(f"up @like {a['mode'].removeprefix('nearest-')}")
        program = lower()(net.graph())
        got = run(program, {"x": x, "like": np.zeros((1, 1, *a["size"]))}, 1)[program.outputs[0][1]]
    else:
        got = forward([f"up 2 {a.get('mode', 'bilinear')}{' aligned' if a.get('align_corners') else ''}"], x)["y"]
    same(got, case["outputs"]["y"], 1e-6 if "keras" in a["op"] else 1e-12)


@cases("softmax")
def test_softmax(case: dict[str, Any]) -> None:
    x = case["inputs"]["x"]
    steps = ["flatten", "softmax"] if "opset 11" in case["attrs"]["op"] else ["softmax"]
    want = np.array(case["outputs"]["y"])
    same(forward(steps, x)["y"].reshape(want.shape), want, 1e-12 if case["attrs"]["op"] == "softmax" else 1e-6)
    if "log_softmax" in case["outputs"]:
        same(forward(["log_softmax"], x)["y"], case["outputs"]["log_softmax"])


ACTIVATIONS = {"leaky_relu_0p01": "leaky", "leaky_relu_0p1": "leaky 0.1", "gelu_erf": "gelu", "gelu_tanh": "gelu tanh",
               "silu": "swish"}


@cases("activations")
def test_activations(case: dict[str, Any]) -> None:
    op, i, o = case["attrs"]["op"], case["inputs"], case["outputs"]
    if op == "prelu per channel":
        got = forward(["prelu channels"], i["x"], {"weight": i["a"]}, 1.0)
        same(got["y"], o["y"])
        same(got["x"], o["dx"])
        same(got["weight"], o["da"])
    elif "maxout" in op:
        same(forward(["maxout 2"], i["x"])["y"], o["y"])
    else:
        got = forward([ACTIVATIONS.get(op, op)], images(i["x"]), dy=1.0)
        same(got["y"][:, 0], o["y"])
        same(got["x"][:, 0], o["dy_dx"], 1e-7 if op == "hardsigmoid" else 1e-12)  # PyTorch rounds 1/6 to float32


@cases("linear/flatten")
def test_linear_and_flatten(case: dict[str, Any]) -> None:
    op, i = case["attrs"]["op"], case["inputs"]
    if op == "linear":
        same(forward(["fc 2"], i["x"], {"weight": i["W"], "bias": i["b"]})["y"], case["outputs"]["y"])
    elif op == "flatten NCHW":
        same(forward(["flatten"], i["x"])["y"], case["outputs"]["y"])
    else:  # arrays are N,C,H,W here; given in another order they are flattened in that order
        same(forward(["flatten"], np.moveaxis(i["x"], 1, -1))["y"], case["outputs"]["y"])


@cases("padding layers")
def test_padding(case: dict[str, Any]) -> None:
    op = case["attrs"]["op"]
    step = "pad [(0, 1), (1, 2)]" if "constant" in op else f"pad 1 {op.split()[0]}"
    same(forward([step], case["inputs"]["x"])["y"], case["outputs"]["y"])


@cases("dropout")
def test_dropout(case: dict[str, Any]) -> None:
    """The mask is our own, so only what is kept can be compared, and what evaluation does."""
    a, x = case["attrs"], np.array(case["inputs"]["x"])[None]
    classic = "classic" in a.get("mode", "")
    step = f"dropout {a['p']}" + (" classic" if classic else "")
    same(forward([step], x)["y"], x * (1 - a["p"]) if classic else x)
    got = forward([step], x, training=True)["y"]
    np.testing.assert_allclose(got[got != 0], (x if classic else x / (1 - a["p"]))[got != 0])
    if not a["p"]:
        same(got, x)


def test_dropout_masks() -> None:
    """About the right part is dropped, other layers and other keys drop others, and `spatial` drops whole channels."""
    program = lower(True)(sequence(["dropout 0.3", "dropout 0.3"], x=(8, 5, 5)))
    one = np.ones((40, 8, 5, 5))
    masks = {}
    for key in (0, 1):
        env = run(program, {"x": one, "random_key": np.array([float(key)])}, 40)
        masks[key] = [env[n] > 0 for n in ("dropout1.y", "dropout2.y")]
    first, both = masks[0]
    assert abs(first.mean() - 0.7) < 0.02
    assert abs(both.mean() - 0.49) < 0.02
    assert abs((masks[0][0] & masks[1][0]).mean() - 0.49) < 0.02
    spatial = forward(["dropout 0.5 spatial"], one, training=True)["y"]
    assert ((spatial == spatial[:, :, :1, :1]).all())
    assert abs((spatial > 0).mean() - 0.5) < 0.1
    assert np.any(forward(["dropout 0.5 mc"], one)["y"] == 0)


@cases("initialisers (bounds)")
def test_initialisers(case: dict[str, Any]) -> None:
    """The spread and, where they are uniform, the bounds that a convolution's weights get."""
    from netspec.runtime.initialisers import initial

    out, inputs, *window = case["attrs"]["shape_OIHW"]
    want = case["outputs"]
    (p, *_) = word(LAYERS, f"conv {out} {'x'.join(map(str, window))}")[0].parameters(TensorType((inputs, 8, 8)))
    assert (p.fan_in, p.fan_out) == (want["fan_in"], want["fan_out"])

    def drawn(rule: str) -> Any:
        return np.concatenate([initial(replace(p, init=rule), seed).ravel() for seed in range(100)])

    bounds = {"he_uniform": "he_uniform", "xavier_uniform": "glorot_uniform", "lecun_uniform": "caffe_xavier"}
    for rule, of in bounds.items():
        assert 0.999 * want[of] < abs(drawn(rule)).max() <= want[of], rule
    for rule, of in {"he": "he_normal_std", "xavier": "glorot_normal_std", "lecun": "lecun_normal_std"}.items():
        assert drawn(rule).std() == pytest.approx(want[of], rel=0.02), rule
    assert abs(drawn(f"uniform {want['torch_default']}")).max() == pytest.approx(want["torch_default"], rel=1e-3)


def test_course_layers() -> None:
    c = COURSE["affine_forward"]
    x, w = np.array(c["inputs"]["x"]), np.array(c["inputs"]["w"])
    same(forward(["fc 3"], x.reshape(len(x), -1), {"weight": w.T, "bias": c["inputs"]["b"]})["y"], c["expected"]["correct_out"],
         1e-7)
    c = COURSE["relu_forward"]
    same(forward(["relu"], c["inputs"]["x"])["y"], c["expected"]["correct_out"], 1e-7)
    c = COURSE["max_pool_forward_naive"]
    p = c["inputs"]["pool_param"]
    same(forward([f"maxpool {p['pool_height']} /{p['stride']}"], c["inputs"]["x"])["y"], c["expected"]["correct_out"], 1e-7)


@pytest.mark.parametrize(("name", "spec", "slot"),
                         [("sgd_momentum", "sgd lr=0.001 momentum=0.9 caffe", "velocity"),
                          ("rmsprop", "rmsprop lr=0.01 alpha=0.99", "cache")])
def test_course_optimisers(name: str, spec: str, slot: str) -> None:
    from netspec.passes.objective import update_program

    c, sign = COURSE[name]["inputs"], -1 if slot == "velocity" else 1  # the course adds its velocity, and ours is subtracted
    w = np.array(c["w"])
    optimiser = word(OPTIMISERS, spec)[0]
    program, outs = update_program(optimiser, w.size)
    scalars = optimiser.scalars(1,
                                {k: float(getattr(optimiser, k))
                                 for k in ("lr", "momentum", "decay", "dampening", "alpha", "eps") if hasattr(optimiser, k)})
    values = {"weights": w.ravel(), "gradients": np.ravel(c["dw"]), optimiser.state[0]: sign * np.ravel(c["config"][slot])}
    env = run(program, values | {k: np.array([v]) for k, v in scalars.items()}, 1)
    want = COURSE[name]["expected"]
    same(env[outs["weights"]].reshape(w.shape), want["expected_next_w"], 1e-7)
    same(sign * env[outs[optimiser.state[0]]].reshape(w.shape), want[f"expected_{slot}"], 1e-7)


def test_backpropagation_by_hand() -> None:
    """A 2-3-3-1 network of sigmoids and half the squared error, as the lecture works it out with pencil and paper."""
    rng = np.random.default_rng(0)
    w = [rng.standard_normal(s) for s in ((3, 2), (3, 3), (1, 3))]
    x, t = np.array([[0.05, 0.1]]), 0.7
    a1 = 1 / (1 + np.exp(-x @ w[0].T))
    a2 = 1 / (1 + np.exp(-a1 @ w[1].T))
    y = 1 / (1 + np.exp(-a2 @ w[2].T))
    d3 = (y - t) * y * (1 - y)
    d2 = d3 @ w[2] * a2 * (1 - a2)
    d1 = d2 @ w[1] * a1 * (1 - a1)
    graph = sequence(["fc 3", "sigmoid", "fc 3", "sigmoid", "fc 1", "sigmoid"], x=(2,))
    program = differentiate(inputs=True)(lower(True)(graph))
    values = {"x": x, "d.out": y - t} | {f"fc{k}.weight": v
                                         for k, v in enumerate(w, 1)} | {f"fc{k}.bias": np.zeros(len(v))
                                                                         for k, v in enumerate(w, 1)}
    env = run(program, values, 1)
    gradients = {name: env[g] for name, g in program.gradients}
    same(env[program.outputs[0][1]], y)
    for k, (d, a) in enumerate(((d1, x), (d2, a1), (d3, a2)), 1):
        same(gradients[f"fc{k}.weight"], d.T @ a)
        same(gradients[f"fc{k}.bias"], d[0])
    same(gradients["x"], d1 @ w[0])


def test_nothing_recorded_is_left_out() -> None:
    assert {layer for layer, examples in SEMANTICS.items() if examples} == TESTED
    assert set(COURSE) == {"affine_forward", "relu_forward", "max_pool_forward_naive", "sgd_momentum", "rmsprop"}
