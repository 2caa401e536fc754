"""Random networks, trained some steps on every device, dtype and precision, against the reference backend in float64.

    python tests/harness/end_to_end.py --seconds 600 --seed 1          nets of seeds 1, 2, ...; a failure prints its seed and text
    python tests/harness/end_to_end.py --seconds 600 --devices cuda    the CUDA kernels, under the emulator

A net has convolutions with and without batch norm behind them (whose sums are taken in the convolution's call), branches, pools,
frozen parts, and an optimiser of its own. Compared are losses, outputs in training and evaluation, gradients in both,
parameters, running statistics and the optimiser's state. The suite runs a few seeds of it (test_end_to_end.py).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

import netspec

Array = NDArray[Any]
CPU = tuple(("cpu", dtype, precision) for dtype, precision in product(("float32", "float64"), ("float32", "exact")))
CUDA = tuple(("cuda", dtype, "float32") for dtype in ("float32", "float64"))
STEPS = 3
ACTIVATIONS = ("tanh", "softplus", "swish", "gelu", "sigmoid", "elu", "relu", "leaky 0.2", "mish", "relu6", "prelu")
CHANNELS = (3, 5, 8, 12, 16, 24, 32)
# relative to the largest difference a value makes over the steps: rounding, and in float32 a maximum that changes sides
TOLERANCE = {"float64": 1e-7, "float32": 2e-2}


class Writer:
    """The text of a net, and of its train section."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)
        self.lines: list[str] = []

    def text(self) -> str:
        r = self.r
        self.rank = r.choice((2, 2, 2, 2, 2, 1, 3))
        self.size = {1: r.randint(6, 24), 2: r.randint(6, 18), 3: r.randint(4, 6)}[self.rank]
        self.c = r.choice((1, 3, 8, 16, 16, 32))
        self.put(1, f"input {'x'.join(map(str, (self.c, *[self.size] * self.rank)))}")
        for _ in range(r.randint(2, 5)):
            self.stage(1)
        if r.random() < 0.75:
            self.put(1, r.choice(("avgpool global", "maxpool global", "flatten", "fc 9 tanh")))
            self.put(1, "fc 4")
            self.loss = r.choice(("cross_entropy", "cross_entropy", "mse", "hinge"))
        else:
            self.put(1, f"conv 2 {self.window(3)}")
            self.loss = r.choice(("cross_entropy", "mse", "huber"))
        optimiser = r.choice(("sgd lr=0.05", "sgd lr=0.05 momentum=0.9", "sgd lr=0.02 momentum=0.9 nesterov decay=0.01",
                              "adam lr=0.01 eps=0.01", "adamw lr=0.01 eps=0.01 decay=0.1",
                              "rmsprop lr=0.003 eps=0.01", "adagrad lr=0.02 eps=0.01", "adadelta lr=0.1 eps=0.01",
                              "nadam lr=0.01 eps=0.01"))
        more = [s for s, p in (("  regularise l2 1e-3 weights", 0.2), ("  regularise l1 1e-3", 0.1), ("  average 0.9", 0.3))
                if r.random() < p and not (s.endswith("weights") and "adamw" in optimiser)]
        return "\n".join(["net a:", *self.lines, "", "train a:", f"  loss {self.loss}", f"  {optimiser}", *more]) + "\n"

    def put(self, depth: int, line: str) -> None:
        self.lines.append("  " * depth + line)

    def window(self, k: int) -> str:
        return "x".join([str(k)] * self.rank)

    def activation(self) -> str:
        return self.r.choice(ACTIVATIONS)

    def conv(self, filters: int | None = None, stride: int = 1) -> str:
        r = self.r
        filters = filters or r.choice(CHANNELS)
        k = r.choice((3, 3, 3, 3, 1, 5)) if stride == 1 else r.choice((3, 3, 1))
        groups = r.choice([g for g in (2, 4, self.c) if self.c % g == 0 and filters % g == 0] or [1]) if r.random() < 0.15 else 1
        parts = [f"conv {filters} {self.window(k)}", *([f"/{stride}"] if stride > 1 else []),
                 *([f"groups={groups}"] if groups > 1 else [])]
        self.c = filters
        if stride > 1:
            self.size = -(-self.size // stride)
        kind = r.random()
        if kind < 0.5:
            parts.append("bn")
        elif kind < 0.6:
            parts.append("bias=no")
        line = " ".join(parts)
        return line + (f" -> {self.activation()}" if r.random() < 0.8 else "")

    def stage(self, depth: int) -> None:
        r = self.r
        kind = r.randrange(14)
        if kind < 5:
            self.put(depth, self.conv())
        elif kind == 5 and self.size >= 4:
            self.put(depth, self.conv(stride=2))
        elif kind == 6 and self.size >= 4:
            self.put(depth, r.choice((f"maxpool {self.window(2)}", f"avgpool {self.window(2)}")))
            self.size //= 2
        elif kind == 7:
            c = self.c
            self.put(depth, "residual:")
            self.put(depth + 1, self.conv(c))
            self.put(depth + 1, self.conv(c).partition(" ->")[0])
            if r.random() < 0.6:
                self.put(depth, self.activation())
        elif kind == 8:
            c = self.c
            self.put(depth, "concat:")
            total = 0
            for _ in range(2):
                self.c = c
                self.put(depth + 1, "| " + self.conv())
                total += self.c
            if r.random() < 0.4:
                self.put(depth + 1, "| skip")
                total += c
            self.c = total
        elif kind == 9:
            self.put(depth,
                     r.choice(("bn", "bn", "bn eps=0.001 momentum=0.3",
                               f"group_norm {r.choice([g for g in (1, 2, 4) if self.c % g == 0])}" if self.c > 1 else "bn",
                               "layer_norm",
                                      "scale", "lrn 3", "dropout 0.3")))
        elif kind == 10 and depth == 1:
            self.put(depth, "frozen:")
            self.stage(depth + 1)
        elif kind == 11 and self.rank == 2 and self.size <= 9:
            self.put(depth, r.choice(("up 2", "up 2 bilinear", f"deconv {self.c} 2 /2")))
            self.size *= 2
        elif kind == 12:
            c = self.c
            self.put(depth, "dense:")
            self.put(depth + 1, self.conv())
            self.c += c
        else:
            self.put(depth, self.activation())


def text_of(seed: int) -> str:
    return Writer(seed).text()


def batch_of(net: Any, seed: int) -> tuple[Array, Array]:
    """Examples and targets for the one output."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 5))
    x = rng.standard_normal((n, *net.graph.inputs[0].type.shape))
    shape = net.graph.values[net.graph.outputs[0][1]].type.shape
    if str(net.recipe.terms[0].loss).split()[0] in ("cross_entropy", "hinge"):
        return x, rng.integers(0, shape[0], (n, *shape[1:]))
    return x, rng.standard_normal((n, *shape))


def ran(text: str, seed: int, device: str, dtype: str, precision: str) -> dict[str, Array]:
    """Everything that a few steps leave behind, by name; what grows from nothing is told by its first value."""
    net = netspec.compile(text=text, device=device, dtype=dtype, precision=precision, seed=seed)
    x, y = batch_of(net, seed)
    found: dict[str, Array] = {f"first {k}": np.array(v) for values in (net.parameters, net.buffers) for k, v in values.items()}
    trained = [p.name for p in net.graph.parameters if p.trainable]
    for mode in ("train", "eval"):
        loss, gradients = net.loss_and_gradients(x, y, mode=mode)
        found[f"loss in {mode}"] = np.array([loss])
        found |= {f"gradient in {mode} {k}": v for k, v in gradients.items() if k in trained}
    mode = ("train", "eval")[seed % 2]
    found["output"] = np.array(net.forward(x, mode=mode))
    dy = np.random.default_rng(seed + 1).standard_normal(found["output"].shape)
    found |= {f"backward {k}": np.array(v) for k, v in net.backward(dy, mode=mode).items()}
    found["losses"] = np.array([net.train_step(x, y) for _ in range(STEPS)])
    found |= {f"last {k}": np.array(v) for values in (net.parameters, net.buffers) for k, v in values.items()}
    found |= {f"state {slot} {k}": np.array(net.state.store.get_state(slot, k)) for slot in net.state.optimiser.slots
              for k in trained}
    found |= {f"average {k}": np.array(v) for k, v in net.averages.items()}
    found["prediction"] = np.array(net.predict(x))
    found["one at a time"] = np.array(net.predict(x, batch=1))
    return found


def differences(got: dict[str, Array], want: dict[str, Array], tolerance: float) -> list[str]:
    """What is off, each by how much. Parameters and statistics are held to what the steps changed in them, and what vanishes (a
    bias before a batch norm) to the largest of its kind."""
    assert got.keys() == want.keys(), got.keys() ^ want.keys()
    def size(a: Array) -> float:
        return float(np.sqrt(np.square(a, dtype=float).mean())) if a.size else 0.0

    def change(of: dict[str, Array], k: str) -> Array:
        first = "first " + k.split(" ", 1)[-1]
        return of[k] - of[first] if k.startswith(("last ", "average ")) and first in of else of[k]

    kinds: dict[str, float] = {}
    for k in want:
        kinds[k.rsplit(" ", 1)[0]] = max(kinds.get(k.rsplit(" ", 1)[0], 0.0), size(change(want, k)))
    out = []
    for k in want:
        if k.startswith("first "):
            continue
        scale = max(size(change(want, k)), 1e-2 * kinds[k.rsplit(" ", 1)[0]], 1e-12)
        off = size(change(got, k) - change(want, k)) / scale
        if not off <= tolerance:
            out.append(f"{k}: {off:.1e}")
    return out


def failures(seed: int, settings: tuple[tuple[str, str, str], ...] = CPU) -> list[str]:
    """What differs from the reference, for each device, dtype and precision; nothing where the net is refused."""
    text = text_of(seed)
    try:
        netspec.load_graph(text=text)
    except netspec.NetspecError as e:
        return [f"refused: {e.diagnostics[0].title}"] if e.diagnostics[0].code not in ("window-too-large", "one-value") else []
    return written(text, seed, settings)


def written(text: str, seed: int, settings: tuple[tuple[str, str, str], ...] = CPU) -> list[str]:
    """The same of a text."""
    want = ran(text, seed, "reference", "float64", "float32")
    if not all(np.isfinite(v).all() for v in want.values()):
        return []
    return [f"{' '.join(s)}: {d}" for s in settings for d in differences(ran(text, seed, *s), want, TOLERANCE[s[1]])]


def main() -> int:
    parser = argparse.ArgumentParser(description="Train random networks on every backend.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--devices", nargs="+", choices=("cpu", "cuda"), default=["cpu"])
    args = parser.parse_args()
    settings = (CPU if "cpu" in args.devices else ()) + (CUDA if "cuda" in args.devices else ())
    if "cuda" in args.devices:
        import netspec.backends.cuda.executor as executor
        from emulated import EmulatedDevice

        executor.NumbaDevice = EmulatedDevice  # type: ignore[misc,assignment]
    start, tried, bad = time.monotonic(), 0, 0
    while time.monotonic() - start < args.seconds:
        seed = args.seed + tried
        try:
            found = failures(seed, settings)
        except Exception:
            found = [traceback.format_exc(limit=-6)]
        if found:
            bad += 1
            print(f"seed {seed}:\n{text_of(seed)}" + "\n".join(found[:12]) + "\n", flush=True)
        tried += 1
    print(f"{tried} nets from seed {args.seed}: {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
