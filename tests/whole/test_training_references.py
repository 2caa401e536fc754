"""Loss, gradients and five optimiser steps of small networks against PyTorch's, recorded in float64 (tests/references).

float64 must agree to 1e-9 of a tensor's largest element; float32 to 1e-5 for outputs and 1e-4 for gradients and weights.
Near a kink either side is right: at a step where some ReLU reads a number within 1e-5 of zero, float32 may take the other
branch; its weights are then set to those of a float64 twin before the next step.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.backends.reference.interpret import run
from netspec.ir.graph import Graph, Input, Parameter
from netspec.passes.lower import lower
from sweeps import one_of_each, the_first
from where import REFERENCES

HERE = REFERENCES
FACTS = json.loads((HERE / "training.json").read_text(encoding="utf-8"))

SPECS = {
    "mlp": """
net mlp:
  input 3x2x2
  fc1: fc 10 tanh
  fc3: fc 8 relu
  fc5: fc 4
""",
    "lenet": """
net lenet:
  input 1x12x12
  conv0: conv 3 5x5 relu
  maxpool 2
  conv3: conv 4 3x3 valid relu
  avgpool 2
  fc7: fc 10 relu
  fc9: fc 5
""",
    "resbn": """
net resbn:
  input 2x8x8
  c0: conv 4 3x3 bn relu
  residual:
    c1: conv 4 3x3 bn relu
    c2: conv 4 3x3 bn
  relu
  residual:
    c3: conv 6 3x3 /2 bn relu
    c4: conv 6 3x3 bn
  shortcut:
    pj: conv 6 1x1 /2 bn
  relu
  avgpool global
  fc: fc 3
""",
    "conv1d": """
net conv1d:
  input 4x20
  c: conv 6 7 pad=6 relu
  c2: conv 5 3 /2 dilation=2 valid elu
  concat:
    | maxpool global
    | avgpool global
  f: fc 8 relu
  o: fc 2
""",
}
MODULES = {  # PyTorch's name of a module -> ours
    "mlp": {"1": "fc1", "3": "fc3", "5": "fc5"},
    "lenet": {"0": "conv0", "3": "conv3", "7": "fc7", "9": "fc9"},
    "resbn": {"b0": "c0.bn", "b1": "c1.bn", "b2": "c2.bn", "b3": "c3.bn", "b4": "c4.bn", "pj": "shortcut.pj",
              "bp": "shortcut.pj.bn"},
    "conv1d": {},
}
BUFFERS = {"running_mean": "mean", "running_var": "var"}
OPTIMISERS = {
    "sgd": "sgd lr=0.1", "sgd_wd": "sgd lr=0.1 decay=0.01",
    "momentum": "sgd lr=0.05 momentum=0.9", "momentum_wd": "sgd lr=0.05 momentum=0.9 decay=0.01",
    "nesterov": "sgd lr=0.05 momentum=0.9 nesterov", "nesterov_wd": "sgd lr=0.05 momentum=0.9 nesterov decay=0.01",
    "adagrad": "adagrad lr=0.05 eps=1e-10", "adagrad_wd": "adagrad lr=0.05 eps=1e-10 decay=0.01",
    "adadelta": "adadelta lr=1 rho=0.9 eps=1e-6", "adadelta_wd": "adadelta lr=1 rho=0.9 eps=1e-6 decay=0.01",
    "rmsprop": "rmsprop lr=0.01 alpha=0.9 eps=1e-8", "rmsprop_wd": "rmsprop lr=0.01 alpha=0.9 eps=1e-8 decay=0.01",
    "adam": "adam lr=0.01", "adam_wd": "adam lr=0.01 decay=0.01",
    "adamw": "adamw lr=0.01 decay=0", "adamw_wd": "adamw lr=0.01 decay=0.1",
}
SOME = ("nesterov_wd", "adamw_wd", "rmsprop", "adadelta")  # with the other nets: a rule knows nothing of the net
# In every run the reference computes all nets, and the CPU one in each precision, the first.
CPU = (("float64", ("lenet", "resbn", "mlp", "conv1d")), ("float32", ("lenet", "resbn", "mlp", "conv1d")))
CASES = [*(("reference", "float64", net) for net in SPECS),
         *the_first(1, [("cpu", dtype, net) for dtype, nets in CPU for net in nets])]


def runs(device: str, dtype: str, nets: Iterable[str]) -> list[tuple[str, str, str, str]]:
    return [(device, dtype, net, rule) for net in nets for rule in (OPTIMISERS if net == "lenet" else SOME)]


RUNS = [*one_of_each(runs("reference", "float64", SPECS),
                     lambda device, dtype, net, rule: rule.removesuffix("_wd") if net == "lenet" else net, 2),
        *(case for dtype, nets in CPU
          for case in the_first(len(OPTIMISERS) if dtype == "float64" else 1, runs("cpu", dtype, nets)))]
TOLERANCE = {"float64": (1e-9, 1e-9), "float32": (1e-5, 1e-4)}  # of outputs, of gradients and weights

Arrays = dict[str, np.ndarray[Any, Any]]


def ours(net: str, theirs: str) -> str:
    module, _, leaf = theirs.rpartition(".")
    return f"{MODULES[net].get(module, module)}.{BUFFERS.get(leaf, leaf)}"


@cache
def recorded(net: str) -> Arrays:
    with np.load(HERE / "training" / f"{net}.npz") as z:
        return dict(z)


def part(net: str, held: Arrays, prefix: str) -> Arrays:
    """What is recorded below a prefix, under our names."""
    return {ours(net, k.removeprefix(prefix)): v for k, v in held.items() if k.startswith(prefix)}


@cache
def compiled(net: str, device: str, dtype: str) -> netspec.Network:
    return netspec.compile(text=SPECS[net], device=device, dtype=dtype).configure(loss="cross_entropy")


def network(net: str, device: str, dtype: str) -> tuple[netspec.Network, Arrays]:
    """As PyTorch's began, whatever it has learnt before."""
    held, made = recorded(net), compiled(net, device, dtype)
    start = part(net, held, "w0/") | part(net, held, "buf0/")
    assert set(start) == {*made.parameters, *made.buffers}
    made.initialise()
    made.set_parameters(start)
    return made, held


def close(got: Any, want: Any, tolerance: float, what: str) -> None:
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape, what
    worst, scale = float(abs(got - want).max()), float(abs(want).max())
    assert worst <= tolerance * max(scale, 1e-3), f"{what}: off by {worst:.3g} where the largest is {scale:.3g}"


def follow(net: netspec.Network, twin: netspec.Network) -> None:
    """Make a network stand exactly where another does, its optimiser included."""
    net.set_parameters({**twin.parameters, **twin.buffers})
    for slot in twin.state.optimiser.slots:
        for name in twin.parameters:
            net.state.store.set_state(slot, name, twin.state.store.get_state(slot, name))


@cache
def in_training(net: str) -> Graph:
    return lower(True)(compiled(net, "reference", "float64").graph)


def nearest_kink(net: netspec.Network, x: Any) -> float:
    """How near zero the inputs of ReLUs come in this training step, in float64."""
    program = in_training(net.graph.name)
    values = {n.name: net.state.store.get(n.name).astype(np.float64) for n in program.nodes if isinstance(n.op, Parameter)}
    values |= {n.name: np.asarray(x, np.float64) for n in program.nodes if isinstance(n.op, Input)}
    env = run(program, values, len(x), np.float64)
    relus = [n.name for n in net.graph.nodes if getattr(n.op, "name", "") == "relu"]
    read = [i for n in program.nodes if n.scope in relus for i in n.inputs]
    assert len(read) == len(relus)
    return min((float(abs(env[i]).min()) for i in read), default=1.0)


@pytest.mark.parametrize(("device", "dtype", "net"), CASES)
def test_loss_and_gradients(net: str, device: str, dtype: str) -> None:
    made, held = network(net, device, dtype)
    near, far = TOLERANCE[dtype]
    assert sum(p.size for p in made.parameters.values()) == FACTS["nets"][net]["n_params"]
    assert nearest_kink(made, held["x"]) > 1e-5
    close(made.predict(held["x"]), held["eval_logits"], near, "outputs in evaluation mode")
    close(made.forward(held["x"]), held["logits"], near, "outputs in training mode")
    before = {**made.parameters, **made.buffers}
    loss, grads, into = made.loss_and_gradients(held["x"], held["y"], inputs=True)
    close(loss, held["loss"], near, "loss")
    want = part(net, held, "g/")
    assert set(grads) == set(want)
    for name, g in want.items():
        close(grads[name], g, far, f"gradient of {name}")
    close(into["input"], held["gx"], far, "gradient of the input")
    after = {**made.parameters, **made.buffers}
    assert all((before[k] == after[k]).all() for k in before), "loss_and_gradients changes no state"


@pytest.mark.parametrize(("device", "dtype", "net", "optimiser"), RUNS)
def test_five_steps(net: str, device: str, dtype: str, optimiser: str) -> None:
    from netspec.optimisers import OPTIMISERS as KNOWN

    if OPTIMISERS[optimiser].split()[0] not in KNOWN:
        pytest.skip(f"no {optimiser.split('_')[0]} yet")
    made, held = network(net, device, dtype)
    made.configure(optimiser=OPTIMISERS[optimiser])
    twin = network(net, "reference", "float64")[0].configure(optimiser=OPTIMISERS[optimiser]) if dtype == "float32" else None
    near, far = TOLERANCE[dtype]
    top = f"opt/{optimiser}"
    adaptive = optimiser.split("_")[0] in ("adagrad", "adadelta", "rmsprop", "adam", "adamw")
    first = part(net, held, "g/")
    for step, want in enumerate(held[f"{top}/losses"]):
        close(made.train_step(held["x"], held["y"]), want, far if step else near, f"loss at step {step + 1}")
        if twin is not None:
            either = nearest_kink(twin, held["x"]) < 1e-5
            twin.train_step(held["x"], held["y"])
            if either:
                follow(made, twin)
    for name, w in part(net, held, f"{top}/w5/").items():
        got = made.parameters[name]
        if adaptive:  # they divide by the gradient's own size, which is noise where there is next to none
            clear = abs(first[name]) > 1e-6 * abs(first[name]).max()
            got, w = np.where(clear, got, w), w
        close(got, w, far, f"{name} after five steps")
    for name, b in part(net, held, f"{top}/buf5/").items():
        close(made.buffers[name], b, far, f"{name} after five steps")
