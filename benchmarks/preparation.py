"""What a preparation costs: steps and predictions of a net with it beside those of the same net without.

    python benchmarks/preparation.py ['standardise'] [specs/lenet.net@64 specs/resnet_cifar.net:resnet20@32 ...]

Both nets are in one process, and one call of one takes turns with one of the other. A figure is the ratio of the times, the first
quartiles of each: 1.00 is a preparation that costs nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import netspec

NETS = ("specs/lenet.net@64", "specs/resnet_cifar.net:resnet20@32", "specs/linear.net:mlp@128", "specs/linear.net:linear@128")
SECONDS = 5.0  # of a net without it, for each figure


def made(path: str, name: str | None, batch: int, line: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """A step and a prediction of a net of class numbers; with a preparation where a line says one."""
    text, name = Path(path).read_text("utf-8"), name or netspec.load_graph(path).graph.name
    begins = f"train {name}:\n"
    if line and begins in text:
        text = text.replace(begins, f"{begins}  prepare {line}\n")
    elif line:
        text += f"\n{begins}  prepare {line}\n  loss cross_entropy\n  sgd lr=0.01\n"
    net, rng = netspec.compile(text=text, net=name, seed=0), np.random.default_rng(0)
    x = {n.name: rng.standard_normal((batch, *n.type.shape)).astype(np.float32) for n in net.graph.inputs}
    y = {k: rng.integers(0, net.graph.values[v].type.channels or 2, batch) for k, v in net.graph.outputs}
    net.configure(optimiser="sgd lr=1e-5 momentum=0.9", loss=[f"cross_entropy @{k}" for k in y], schedule="none", augment="none")
    if any(k.endswith(".examples") for k in net.buffers):
        net.prepare(x)
    return lambda: net.train_step(x, y), lambda: net.predict(x)


def ratio(calls: tuple[Callable[[], object], Callable[[], object]]) -> float:
    """The time of the second over that of the first."""
    def took(call: Callable[[], object]) -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    for call in calls * 2:
        call()
    rounds = max(30, min(2000, int(SECONDS / took(calls[0]))))
    times = [[took(calls[j]) for j in ((0, 1) if k % 2 else (1, 0))][:: 1 if k % 2 else -1] for k in range(rounds)]
    plain, prepared = np.quantile(np.array(times), 0.25, 0)
    return float(prepared / plain)


def main() -> None:
    """Print the table."""
    nets = [a for a in sys.argv[1:] if "@" in a] or NETS
    line = next((a for a in sys.argv[1:] if "@" not in a), "standardise")
    print(f"{'net':40} {'training':>9} {'prediction':>11}    (prepare {line})")
    for case in nets:
        spec, _, batch = case.partition("@")
        path, _, name = spec.partition(":")
        plain, prepared = (made(path, name or None, int(batch), p) for p in ("", line))
        print(f"{case:40} {ratio((plain[0], prepared[0])):9.2f} {ratio((plain[1], prepared[1])):11.2f}", flush=True)


if __name__ == "__main__":
    main()
