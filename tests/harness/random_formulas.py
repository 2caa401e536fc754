"""Layers of random formulas, as docs/extending/layer.md lets anybody write: values with a channel axis and without, of the batch
alone, of no batch, single numbers; sums and maxima over whatever is left out; and the gradient of all that. Every backend says
the same as the reference, or the layer is refused where its formula is written.

    python tests/harness/random_formulas.py --seconds 600 --seed 1      a failure prints its seed and its formulas
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

import netspec
from emulated import EmulatedDevice
from netspec.backends.cpu.executor import CpuExecutor
from netspec.backends.cuda.executor import CudaExecutor
from netspec.backends.executor import Executor
from netspec.backends.reference.executor import ReferenceExecutor
from netspec.ir.graph import Graph, Parameter
from netspec.ir.types import TensorType
from netspec.words.layer import Builder, Layer
from small import Net

Array = NDArray[Any]
SIZES = {"c": 5, "d": 5, "h": 4, "w": 3}
MAPS = ("{a}", "tanh({a})", "sigmoid({a})", "{a} * {a}", "exp(-abs({a}))", "max({a}, 0.0)", "min({a}, 0.5)",
        "where({a} > 0.1, {a}, 0.3)", "sqrt(1.0 + {a} * {a})", "{a} / (2.0 + tanh({a}))")
PAIRS = ("{a} + {b}", "{a} * {b}", "{a} - {b}", "max({a}, {b})", "min({a}, {b})", "{a} / (1.5 + tanh({b}))",
         "where({a} > {b}, {a}, {b} * 0.5)", "tanh({a} * {b})")


def drawn(seed: int) -> tuple[str, ...]:
    """Formulas over x and two parameters, v[c] and m[c,d]; the last one makes the result, as large as x."""
    r = random.Random(seed)
    full = ("n", "c", "h", "w")[: r.choice((2, 3, 4, 4))]
    have: dict[str, tuple[str, ...]] = {"x": full, "v": ("c",), "m": ("c", "d")}
    lines: list[str] = []

    def read(name: str) -> str:
        return f"{name}[{','.join(have[name]) or '0'}]"

    def spelled(name: str, within: tuple[str, ...]) -> str:
        """A read whose indices fit: m[c,d] as it is, or on its diagonal where there is no d."""
        ix = tuple("c" if i == "d" and "d" not in within else i for i in have[name])
        return f"{name}[{','.join(ix) or '0'}]"

    for k in range(r.randint(1, 4)):
        a, b = r.choice([*have, "x"]), r.choice([*have, "x"])
        indices = tuple(dict.fromkeys((*have[a], *have[b])))
        two = r.random() < 0.6
        right = r.choice(PAIRS).format(a=read(a), b=read(b)) if two else r.choice(MAPS).format(a=read(a))
        indices = indices if two else have[a]
        how = r.choice(("=", "+=", "+=", "max=", "max="))
        kept = indices if how == "=" else tuple(i for i in indices if r.random() < 0.5)
        if r.random() < 0.15:
            kept = tuple(sorted(kept, key=lambda i: (i != "n", r.random())))
        if "n" in kept:
            kept = ("n", *(i for i in kept if i != "n"))
        name = f"t{k}"
        lines.append(f"{name}[{','.join(kept) or '0'}] {how} {right}")
        have[name] = kept
    last = r.choice([k for k in have if k.startswith("t")])
    others = [k for k in have if k.startswith("t") and k != last and r.random() < 0.5]
    text = f"y[{','.join(full)}] = " + r.choice(("x[{f}] + tanh({a})", "x[{f}] * sigmoid({a})",
                                                 "tanh(x[{f}] - {a})")).format(f=",".join(full), a=spelled(last, full))
    text += "".join(f" + 0.1 * {spelled(o, full)}" for o in others)
    return (*lines, text)


class Drawn(Layer, abstract=True):
    """Formulas as a layer, which no registry knows."""

    name: ClassVar[str] = "drawn"
    category: ClassVar[str] = "arithmetic"
    lines: tuple[str, ...] = ()

    def shape(self, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def parameters(self, *inputs: TensorType) -> tuple[Parameter, ...]:
        return Parameter("v", (SIZES["c"],), "weight", "he"), Parameter("m", (SIZES["c"], SIZES["d"]), "weight", "he")

    def forward(self, b: Builder, *inputs: str, **parameters: str) -> str:
        made = {"x": inputs[0], **parameters}
        for line in self.lines:  # what a formula reads is called what made it
            made[line.partition("[")[0]] = b(line,
                                             **{name: made[name]
                                                for name in dict.fromkeys(re.findall(r"(\w+)\[", line.partition("= ")[2]))
                                                if name in made})
        return made["y"]


def graph_of(lines: tuple[str, ...]) -> Graph:
    """A net of one layer, whose input has as many axes as the last formula says."""
    rank = lines[-1].partition("]")[0].count(",") - 1
    net = Net({"input": (SIZES["c"], *(SIZES["h"], SIZES["w"])[:rank])})
    net.place(Drawn(lines), ("input",), "layer")
    return net.graph()


BACKENDS: dict[str, Callable[[Graph], Executor]] = {
    "cpu float64": lambda g: CpuExecutor(g, "float64"),
    "cpu float32": lambda g: CpuExecutor(g, "float32"),
    "cuda float64": lambda g: CudaExecutor(g, "float64", on=EmulatedDevice(False)),
}
TOLERANCE = {"float64": 1e-9, "float32": 1e-3}


def ran(net: Executor, seed: int) -> dict[str, Array]:
    """Outputs and every gradient."""
    rng = np.random.default_rng(seed)
    shape = tuple(s or 0 for s in net.graph.inputs[0].type.shape)
    x, dy = rng.standard_normal((3, *shape)), rng.standard_normal((3, *shape))
    for p in net.graph.parameters:
        net.set(p.name, rng.standard_normal(p.shape))
    out = dict(net.predict({"input": x.astype(net.dtype)}))
    got = net.backward({"input": x.astype(net.dtype)}, {"out": dy.astype(net.dtype)}, inputs_too=True)
    out |= {f"d.{k}": v for k, v in got.input_gradients.items()}
    return out | {f"d.{p.name}": net.gradient(p.name) for p in net.graph.parameters}


def slopes(graph: Graph, want: dict[str, Array], seed: int) -> list[str]:
    """What gradients say, held against finite differences along a random direction of everything at once: of two steps the nearer
    one, as a maximum or a `where` may change sides within one."""
    net, rng = ReferenceExecutor(graph), np.random.default_rng(seed)
    x, dy = (rng.standard_normal(want["d.input"].shape) for _ in range(2))
    values = {p.name: rng.standard_normal(p.shape) for p in graph.parameters}
    ways = {k: np.random.default_rng([seed, j]).standard_normal(want[f"d.{k}"].shape) for j, k in enumerate(("input", *values))}
    said = sum(float((want[f"d.{k}"] * way).sum()) for k, way in ways.items())

    def at(h: float) -> float:
        for k, v in values.items():
            net.set(k, v + h * ways[k])
        return float((net.predict({"input": x + h * ways["input"]})["out"] * dy).sum())

    off = min(abs((at(h) - at(-h)) / (2 * h) - said) for h in (1e-5, 1e-7)) / max(1.0, abs(said))
    return [f"reference: the gradient is {off:.1e} off its differences"] if off > 1e-5 else []


def failures(lines: tuple[str, ...], seed: int = 0, backends: tuple[str, ...] = tuple(BACKENDS)) -> list[str]:
    """How the backends differ; empty where they agree or all of them refuse."""
    graph = graph_of(lines)
    try:
        want = ran(ReferenceExecutor(graph), seed)
    except netspec.NetspecError as e:
        for name in backends:  # what one refuses all do
            try:
                ran(BACKENDS[name](graph), seed)
            except netspec.NetspecError:
                continue
            return [f"{name} runs what the reference refuses: {e.diagnostics[0].title}"]
        return []
    if not all(np.isfinite(v).all() for v in want.values()):
        return []
    out = slopes(graph, want, seed)
    for name in backends:
        tolerance = TOLERANCE[name.split()[1]]
        try:
            got = ran(BACKENDS[name](graph), seed)
        except Exception:
            out.append(f"{name}: {traceback.format_exc(limit=-9)}")
            continue
        for k, w in want.items():
            off = float(abs(got[k].reshape(w.shape) - w).max()) / max(1e-3, float(abs(w).max()))
            if not off <= tolerance:
                out.append(f"{name}: {k} is off by {off:.1e}")
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description="Run layers of random formulas on every backend.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    args = parser.parse_args()
    start, tried, bad = time.monotonic(), 0, 0
    while time.monotonic() - start < args.seconds:
        seed = args.seed + tried
        try:
            found = failures(drawn(seed), seed, tuple(args.backends))
        except Exception:
            found = [traceback.format_exc(limit=-4)]
        if found:
            bad += 1
            print("\n  ".join((f"seed {seed}:", *drawn(seed))) + "\n" + "\n".join(found) + "\n", flush=True)
        tried += 1
    print(f"{tried} layers from seed {args.seed}: {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
