"""Training steps beside PyTorch, both sides interleaved in one run.

    python benchmarks/training.py                                          LeNet-5 at batch 64, CIFAR ResNet-20 at batch 128
    python benchmarks/training.py my.net specs/unet.net:unet@4 --input 3x128x128 --rounds 9

A step is forward, backward and SGD with momentum and weight decay, float32, on the same random batch; the loss is cross
entropy at every output that is a vector or a map of classes, mean squared error at the others. PyTorch runs the same graph
(pytorch_twin.py) eager, contiguous and channels_last, on as many threads as netspec. What is printed are medians over the
rounds and the ratio PyTorch / netspec: above 1, netspec is faster. Needs torch (CPU).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_twin import Twin, tensors

import netspec
from netspec.backends.cpu.engine.workers import get_threads

SPECS = Path(__file__).resolve().parents[1] / "specs"
USUAL = (f"{SPECS}/lenet.net:lenet5@64", f"{SPECS}/resnet_cifar.net:resnet20@128")


def data(net: Any, batch: int) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """A random batch: inputs, targets, and a loss for every output."""
    rng = np.random.default_rng(0)
    inputs = {k: rng.standard_normal((batch, *shape), np.float32) for k, shape in net.inputs.items()}
    targets: dict[str, Any] = {}
    losses = []
    for name, (classes, *space) in net.outputs.items():
        if classes > 1:
            targets[name] = rng.integers(0, classes, (batch, *space))
        else:
            targets[name] = rng.standard_normal((batch, classes, *space), np.float32)
        losses.append(f"{'cross_entropy' if classes > 1 else 'mse'} @{name}")
    return inputs, targets, losses


def torch_step(twin: Twin, inputs: dict[str, Any], targets: dict[str, Any], last: bool) -> Callable[[], float]:
    flat = all(x.ndim == 4 for x in inputs.values())
    form = torch.channels_last if last and flat else torch.contiguous_format
    twin = twin.to(memory_format=form) if flat else twin
    xs = {k: t.contiguous(memory_format=form) if flat else t for k, t in tensors(inputs).items()}
    ts = {k: torch.from_numpy(t) for k, t in targets.items()}
    optimiser = torch.optim.SGD([p for p in twin.parameters() if p.requires_grad], lr=0.01, momentum=0.9, weight_decay=1e-4)

    def step() -> float:
        optimiser.zero_grad()
        outs = twin(xs, logits=True)
        losses = [F.cross_entropy(outs[k], t) if t.dtype == torch.int64 else F.mse_loss(outs[k], t) for k, t in ts.items()]
        loss: torch.Tensor = sum(losses[1:], losses[0])
        loss.backward()
        optimiser.step()
        return float(loss.item())

    return step


def compare(case: str, rounds: int, size: str | None) -> None:
    where, _, batch = case.partition("@")
    path, _, name = where.partition(":") if not Path(where).exists() else (where, "", "")
    spec = netspec.load_graph(path, name or None, input=size)
    x, y, losses = data(spec, int(batch or 32))
    net = netspec.compile(path, name or None, input=size).configure(optimiser="sgd lr=0.01 momentum=0.9 decay=1e-4", loss=losses)
    twins = [Twin(spec.graph, {**net.parameters, **net.buffers}) for _ in range(2)]
    start = time.perf_counter()
    net.train_step(x, y)
    first = time.perf_counter() - start
    sides = {"netspec": lambda: net.train_step(x, y), "torch": torch_step(twins[0], x, y, False),
             "channels_last": torch_step(twins[1], x, y, True)}
    times: dict[str, list[float]] = {k: [] for k in sides}
    repeat = 1
    for _ in range(rounds + 1):
        for k, side in sides.items():
            side()  # the other side's threads may still be spinning
            start = time.perf_counter()
            for _ in range(repeat):
                side()
            times[k].append((time.perf_counter() - start) / repeat)
        repeat = max(repeat, min(100, round(0.2 / times["netspec"][-1])))
    median = {k: statistics.median(v[1:]) for k, v in times.items()}
    print(f"{spec.graph.name:<16} batch {batch or 32:>4}: first step {first:5.1f} s; "
          + ", ".join(f"{k} {1e3 * v:8.2f} ms" for k, v in median.items())
          + "; " + ", ".join(f"{k} / netspec {median[k] / median['netspec']:.2f}" for k in list(sides)[1:]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=USUAL, metavar="FILE[:NET][@BATCH]")
    parser.add_argument("--input", help="size of the input: 3x64x64")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(get_threads())
    print(f"torch {torch.__version__}, netspec {netspec.__version__}, {get_threads()} threads")
    for case in args.cases:
        try:
            compare(case, args.rounds, args.input)
        except (NotImplementedError, netspec.NetspecError) as e:  # the other cases are measured all the same
            print(f"{case}: {e}")


if __name__ == "__main__":
    main()
