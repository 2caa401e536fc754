"""95 random networks (1-D to 3-D; strides, dilations, groups, ceil, transposed, branches) that PyTorch was asked about:
shapes after every layer, parameters, MACs; for some, outputs and gradients in float64. Each is written as `.net` text first.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

import netspec
from sweeps import the_first
from where import REFERENCES

HERE = REFERENCES
NETS = {n["id"]: n for n in json.loads((HERE / "random_nets.json").read_text(encoding="utf-8"))["nets"]}
NUMERIC = [name for name, n in NETS.items() if n.get("numeric")]
LONG = "r060"  # has more kernels than all others, and no layer that they have not: numbers are asked of the reference alone
SINGLE = ("r018", "r090")  # those that the CPU computes in single precision as well
ACTIVATIONS = {"leaky": "leaky 0.1"}
TOLERANCE = {"float64": 1e-9}


@cache
def recorded() -> dict[str, Any]:
    with np.load(HERE / "random_nets.npz") as z:
        return dict(z)


def step(layer: dict[str, Any], rank: int) -> str:
    """One layer as a line of text."""
    window = "x".join([str(layer.get("k"))] * rank)
    match layer["op"]:
        case "conv":
            return (f"conv {layer['cout']} {window} /{layer['s']} pad={layer['p']} dilation={layer['d']} groups={layer['g']}"
                    + ("" if layer["bias"] else " bias=no"))
        case "deconv":
            return f"deconv {layer['cout']} {window} /{layer['s']} pad={layer['p']} output_pad={layer['op_pad']}" + (""
                    if layer["bias"] else " bias=no")
        case "maxpool":
            return f"maxpool {window} /{layer['s']} pad={layer['p']}" + (" ceil" if layer["ceil"] else "")
        case "avgpool":
            return f"avgpool {window} /{layer['s']} pad={layer['p']}" + (" ceil" if layer["ceil"]
                                                                         else "") + ("" if layer["count_include_pad"]
                                                                                     else " count_pad=no")
        case "act":
            return ACTIVATIONS.get(layer["f"], str(layer["f"]))
        case "lrn":
            return f"lrn {layer['n']} alpha={layer['alpha']} beta={layer['beta']} k={layer['k']}"
        case "linear":
            return f"fc {layer['cout']}"
        case "gmp":
            return "maxpool global"
        case "gap":
            return "avgpool global"
    return str(layer["op"])


def lines(layers: list[dict[str, Any]], rank: int, indent: str, tap: bool = False) -> list[str]:
    """A suite of layers, with an output after each where asked for."""
    out: list[str] = []
    for k, layer in enumerate(layers):
        if layer["op"] == "concat":
            out.append(f"{indent}concat:")
            for b in layer["branches"]:
                first, *rest = lines(b, rank, indent + "    ") or [indent + "    skip"]
                out += [f"{indent}  | {first.strip()}", *rest]
        elif layer["op"] == "add":
            out += [f"{indent}residual:", *lines(layer["body"], rank, indent + "  ")]
            if layer["shortcut"]:
                out += [f"{indent}shortcut:", *lines(layer["shortcut"], rank, indent + "  ")]
        else:
            out.append(indent + step(layer, rank))
        if tap:
            out.append(f"{indent}output tap{k}")
    return out


def text_of(net: dict[str, Any], tap: bool = False) -> str:
    head = f"net {net['id']}:\n  input {'x'.join(map(str, net['input']))}\n"
    return head + "\n".join(lines(net["spec"], net["ndim"], "  ", tap)) + "\n"


@pytest.mark.parametrize("name", NETS)
def test_shapes_parameters_and_macs(name: str) -> None:
    net = NETS[name]
    spec = netspec.load_graph(text=text_of(net, tap=True))
    shapes = [list(spec.graph.values[v].type.shape) for public, v in spec.graph.outputs if public.startswith("tap")]
    assert [without_ones(s) for s in shapes] == [without_ones(s) for s in net["shape_after_each_top_layer"]]
    totals = spec.counts().totals
    assert (totals.trainable, totals.buffers, totals.macs) == (net["trainable"], net["bn_running_stats"], net["macs"])


def without_ones(shape: list[int | None]) -> list[int | None]:
    """A global pool may keep its axes or not: C x 1 x 1 and C are the same here."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


@pytest.mark.parametrize(("device", "dtype", "name"), [*(("reference", "float64", name) for name in NUMERIC),
                         *the_first(1, [("cpu", "float64", name) for name in sorted(NUMERIC, key=lambda name: len(text_of(NETS[name])))
                                         if name != LONG])])
def test_outputs_and_gradients(name: str, device: str, dtype: str) -> None:
    facts, held = NETS[name], {k.removeprefix(f"{name}/"): v for k, v in recorded().items() if k.startswith(f"{name}/")}
    net = netspec.compile(text=text_of(facts), device=device, dtype=dtype)
    theirs = list(dict.fromkeys(k[2:] for k in held if k.startswith("w/")))
    trainable = [k for k in theirs if "running" not in k]
    names = dict(zip(trainable, net.parameters)) | dict(zip([k for k in theirs if "running" in k], net.buffers))
    assert len(names) == len(theirs) == len([*net.parameters, *net.buffers])
    net.set_parameters({ours: held[f"w/{k}"] for k, ours in names.items()})
    tolerance = TOLERANCE[dtype]
    shape = held["y_train"].shape
    close(np.reshape(net.predict(held["x"]), shape), held["y_eval"], tolerance, "prediction")
    close(np.reshape(net.forward(held["x"]), shape), held["y_train"], tolerance, "output in training")
    out = net.graph.values[net.graph.outputs[0][1]].type
    gradients = net.backward(held["dy"].reshape(len(held["x"]), *(s or 0 for s in out.shape)))
    close(gradients[net.graph.inputs[0].name], held["dx"], tolerance, "gradient of the input")
    for k in trainable:
        close(gradients[names[k]], held[f"g/{k}"], tolerance, k)


def close(got: Any, want: Any, tolerance: float, what: str) -> None:
    assert np.shape(got) == want.shape, what
    worst, scale = float(abs(got - want).max()), max(1e-3, float(abs(want).max()))
    assert worst <= tolerance * scale, f"{what}: off by {worst:.3g} where the largest is {scale:.3g}"


@pytest.mark.sweep  # float64 is asked above
@pytest.mark.parametrize("name", the_first(1, SINGLE))
def test_float32_on_the_cpu(name: str) -> None:
    """Outputs within 1e-5, gradients within 1e-4 of the largest. A gradient that vanishes (a bias before batch norm) or
    nearly does is rounding: it is held to a hundredth of the network's largest."""
    facts, held = NETS[name], {k.removeprefix(f"{name}/"): v for k, v in recorded().items() if k.startswith(f"{name}/")}
    net = netspec.compile(text=text_of(facts), device="cpu")
    theirs = list(dict.fromkeys(k[2:] for k in held if k.startswith("w/")))
    trainable = [k for k in theirs if "running" not in k]
    names = dict(zip(trainable, net.parameters)) | dict(zip([k for k in theirs if "running" in k], net.buffers))
    net.set_parameters({ours: held[f"w/{k}"] for k, ours in names.items()})
    y = np.reshape(net.forward(held["x"]), held["y_train"].shape)
    assert abs(y - held["y_train"]).max() <= 1e-5 * abs(held["y_train"]).max()
    out = net.graph.values[net.graph.outputs[0][1]].type
    gradients = net.backward(held["dy"].reshape(len(held["x"]), *(s or 0 for s in out.shape)))
    assert abs(gradients[net.graph.inputs[0].name] - held["dx"]).max() <= 1e-4 * abs(held["dx"]).max()
    largest = max(float(abs(held[f"g/{k}"]).max()) for k in trainable)
    for k in trainable:
        want = held[f"g/{k}"]
        assert abs(gradients[names[k]] - want).max() <= 1e-4 * max(float(abs(want).max()), 0.01 * largest), k
