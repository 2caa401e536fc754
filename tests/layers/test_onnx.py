"""The ONNX project's own operator tests: those recorded in onnx_cases.json, and, where onnx is installed, all of its cases for
the operators that the layers, losses and optimisers cover. What the language cannot say is skipped with its reason."""

from __future__ import annotations

import importlib
import json
import pkgutil
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from test_losses import loss_and_gradient, program_of

from netspec.backends.reference.interpret import run
from netspec.ir.graph import Input, Parameter
from netspec.optimisers import OPTIMISERS
from netspec.passes.lower import lower
from netspec.passes.objective import update_program
from onnx_adapter import COVERED, LOSSES, RULES, Meaning, Outside, meaning
from small import Net, word
from where import REFERENCES

HERE = REFERENCES
CASES: dict[str, dict[str, Any]] = json.loads((HERE / "onnx_cases.json").read_text(encoding="utf-8"))["cases"]
ROUGH = ("float16", "bfloat16", "averagepool_2d_ceil_last_window_starts_on_pad")  # given with three or four digits


def same(got: Any, want: Any, name: str) -> None:
    tolerance = 1e-2 if "bfloat16" in name else 2e-3 if name.endswith(ROUGH) else 2e-6
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def meant(m: Meaning) -> tuple[Any, dict[str, Any]]:
    """The result of the steps as ONNX's array, and the program's effects by buffer."""
    net = Net({"x": np.shape(m.x)[1:]} | {k: np.shape(v)[1:] for k, v in m.others.items()})
    for step in m.steps:
        label, _, rest = step.rpartition(": ")
        source, _, rest = rest.rpartition(" -> ")
        net.flow = source[1:] if source else net.flow
        net(rest, label)
    program = lower(m.training)(net.graph())
    values = {"x": np.asarray(m.x, float)} | {k: np.asarray(v, float) for k, v in m.others.items()}
    for n in program.nodes:
        if isinstance(n.op, Parameter):
            last = n.name.rsplit(".", 1)[-1]
            default = 1.0 if last in ("weight", "var") else 0.0
            values[n.name] = (np.reshape(m.parameters[last], n.type.shape)
                              if last in m.parameters else np.full(n.op.shape, default))  # type: ignore[arg-type]
        elif isinstance(n.op, Input) and n.op.role == "scalar":
            values[n.name] = np.zeros(1)
    env = run(program, values, len(m.x))
    return m.back(env[program.outputs[0][1]]), {n.effect.rsplit(".", 1)[-1]: env[n.name] for n in program.nodes if n.effect}


def check(name: str, case: dict[str, Any], arrays: dict[str, Any]) -> None:
    """One case. Raises Outside where the language has no such thing."""
    op, a = case["op"], case["attrs"]
    have = iter(k for k in sorted(arrays, key=lambda k: int(k[2:] if k[0] == "i" else k[3:])) if k.startswith("in"))
    inputs = [np.asarray(arrays[next(have)]) if n else None for n in case["input_names"]]
    inputs = [i if i is None else i.astype(float) for i in inputs]
    wants = [np.asarray(arrays[f"out{k}"]).astype(float) for k in range(len(case["output_names"]))]
    if op in RULES:
        updated(op, a, inputs, wants, name)
    elif op in LOSSES:
        judged(op, a, inputs, wants, name)
    else:
        every = meaning(op, a, inputs, wants, name)
        for m, want in zip(every, wants):
            got, effects = meant(m)
            assert got.shape == want.shape
            same(got, want, name)
            for buffer, after in zip(m.buffers, wants[1:]):
                same(effects[buffer], after, name)


def judged(op: str, a: dict[str, Any], inputs: list[Any], wants: list[Any], name: str) -> None:
    """A loss here is a mean: what is asked for without one is each place by itself, and a sum is so many times the mean."""
    x, labels, *weights = inputs
    options = (f" ignore={a['ignore_index']}" if "ignore_index" in a else "") + (f" weights={[float(w) for w in weights[0]]}"
                                                                                 if weights else "")
    if len(wants) > 1:
        same(meant(Meaning(["log_softmax"], x))[0] if x.ndim <= 5 else wants[1], wants[1], name)
    reduction = a.get("reduction", "mean")
    if x.ndim > 5:  # more than three spatial axes are places as well
        x, labels = x.reshape(*x.shape[:2], -1), labels.reshape(len(x), -1)
    if reduction == "mean":
        got: Any = loss_and_gradient(program_of(f"{LOSSES[op]}{options}", x.shape[1:]),
                                     {"x": x, "target.out": labels[:, None]})[0]
    elif reduction == "sum":
        counted = labels.ravel() != a.get("ignore_index", np.inf)
        total = sum(weights[0][labels.ravel()[counted].astype(int)]) if weights else counted.sum()
        got = total * loss_and_gradient(program_of(f"{LOSSES[op]}{options}", x.shape[1:]),
                                        {"x": x, "target.out": labels[:, None]})[0]
    else:  # each place by itself; of many, some
        program, some = program_of(LOSSES[op], (x.shape[1],)), slice(None, None, 1 + labels.size // 40)
        got = np.array([0.0 if t == a.get("ignore_index")
                        else loss_and_gradient(program, {"x": p[None], "target.out": np.array([[t]])})[0]
                        * (weights[0][int(t)] if weights else 1.0)
                        for p, t in zip(np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])[some], labels.ravel()[some])])
        wants = [wants[0].ravel()[some]]
    same(got, wants[0], name)


def updated(op: str, a: dict[str, Any], inputs: list[Any], wants: list[Any], name: str) -> None:
    """One step of an optimiser for each of its tensors. ONNX counts steps from 0."""
    rate, count, rest = float(inputs[0]), float(inputs[1]), inputs[2:]
    l2 = f"lr={rate} decay={a['norm_coefficient']}"
    step, slots = int(count) + 1, {"Adagrad": 1, "Momentum": 1, "Adam": 2}[op]
    if op == "Adagrad":
        spec = f"adagrad {l2} eps={a['epsilon']} slow={a['decay_factor']}"
    elif op == "Momentum":
        spec = f"sgd {l2} momentum={a['alpha']}" + (" nesterov" if a["mode"] == "nesterov" else f" dampening={1 - a['beta']}")
        if a["mode"] == "nesterov" and count and a["beta"] != 1:
            raise Outside("Nesterov's momentum is not dampened")
    else:
        spec = f"adam keras {l2} beta1={a['alpha']} beta2={a['beta']} eps={a['epsilon']}"
        step = int(count) or 10**6  # at 0 it leaves out the correction of the first steps, which is what late ones come to
    optimiser = word(OPTIMISERS, spec)[0]
    settings = {k: float(v) for k, v in vars(optimiser).items() if isinstance(v, int | float)}
    for k in range(tensors := len(rest) // (2 + slots)):
        weights, gradients, *state = rest[k::tensors]
        program, outs = update_program(optimiser, weights.size)
        values = {"weights": weights, "gradients": gradients, **dict(zip(optimiser.state, state))}
        env = run(program, values | {n: np.array([v]) for n, v in optimiser.scalars(step, settings).items()}, 1)
        for slot, want in zip(("weights", *optimiser.state), wants[k::tensors]):
            same(env[outs[slot]], want, name)


@pytest.mark.parametrize("name", CASES)
def test_recorded(name: str) -> None:
    with np.load(HERE / "onnx_cases.npz") as z:
        arrays = {k.removeprefix(f"{name}|"): z[k] for k in z.files if k.startswith(f"{name}|")}
    try:
        check(name, CASES[name], arrays)
    except Outside as reason:
        pytest.skip(str(reason))


def of_onnx() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every one-node case of the installed onnx whose operator is covered."""
    onnx = pytest.importorskip("onnx")
    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # importing a module of cases makes them; all of them would take half a minute
        for module in pkgutil.iter_modules(node.__path__):
            if module.name.replace("_", "") in {op.lower() for op in COVERED}:
                importlib.import_module(f"{node.__name__}.{module.name}")
    for c in node._NodeTestCases:
        nodes = c.model.graph.node
        if len(nodes) != 1 or nodes[0].op_type not in COVERED or c.name.endswith("_expanded"):
            continue
        attrs = {p.name: onnx.helper.get_attribute_value(p) for p in nodes[0].attribute}
        attrs = {k: v.decode() if isinstance(v, bytes) else list(v) if isinstance(v, list | tuple) else v
                 for k, v in attrs.items()}
        inputs, outputs = c.data_sets[0]
        arrays = {f"in{k}": v for k, v in enumerate(inputs)} | {f"out{k}": v for k, v in enumerate(outputs)}
        yield c.name, {"op": nodes[0].op_type, "attrs": attrs, "input_names": list(nodes[0].input),
                       "output_names": [o.name for o in c.model.graph.output]}, arrays


def test_all_of_onnx() -> None:
    """None is wrong, and those that are outside of the language are as few as they were."""
    wrong, outside, right = [], [], 0
    for name, case, arrays in of_onnx():
        try:
            check(name, case, arrays)
            right += 1
        except Outside as reason:
            outside.append(f"{name}: {reason}")
        except Exception as e:
            wrong.append(f"{name}: {type(e).__name__} {str(e)[:300]}")
    assert not wrong, "\n".join(wrong)
    assert right >= 400, "\n".join(outside)
