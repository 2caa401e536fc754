"""Training steps beside PyTorch, both sides interleaved in one run.

    python benchmarks/training.py                 LeNet-5 at batch 64, CIFAR ResNet-20 at batch 128
    python benchmarks/training.py lenet:256 resnet20:32 --rounds 9

A step is forward, backward and SGD with momentum and weight decay, float32, on the same random batch. PyTorch runs
eager, contiguous and channels_last, on as many threads as netspec. What is printed are medians over the rounds and the
ratio PyTorch / netspec: above 1, netspec is faster. Needs torch (CPU).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import netspec
from netspec.backends.cpu.workers import get_threads

SPECS = Path(__file__).parents[1] / "specs"


class LeNet(nn.Module):
    """LeNet-5 as specs/lenet.net has it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)
        self.fc1, self.fc2 = nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        return self.fc2(torch.tanh(self.fc1(torch.tanh(self.conv3(x)).flatten(1))))


class Unit(nn.Module):
    def __init__(self, inputs: int, n: int, stride: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(inputs, n, 3, stride, 1, bias=False), nn.Conv2d(n, n, 3, 1, 1, bias=False)
        self.na, self.nb = nn.BatchNorm2d(n), nn.BatchNorm2d(n)
        self.short = nn.Sequential(nn.Conv2d(inputs, n, 1, stride, bias=False), nn.BatchNorm2d(n)) if stride != 1 or inputs != n else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.nb(self.b(F.relu(self.na(self.a(x))))) + self.short(x))


def resnet20() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for n in (16, 32, 64):
        for k in range(3):
            layers.append(Unit(inputs, n, 2 if n != 16 and k == 0 else 1))
            inputs = n
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


NETS: dict[str, tuple[str, str, tuple[int, ...], Callable[[], nn.Module]]] = {
    "lenet": ("lenet.net", "lenet5", (1, 32, 32), LeNet),
    "resnet20": ("resnet_cifar.net", "resnet20", (3, 32, 32), resnet20),
}


def torch_step(model: nn.Module, x: np.ndarray, y: np.ndarray, last: bool) -> Callable[[], float]:
    form = torch.channels_last if last else torch.contiguous_format
    model = model.to(memory_format=form)
    tx, ty = torch.from_numpy(x).to(memory_format=form), torch.from_numpy(y)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def step() -> float:
        optimiser.zero_grad()
        loss = F.cross_entropy(model(tx), ty)
        loss.backward()
        optimiser.step()
        return float(loss.item())

    return step


def compare(name: str, batch: int, rounds: int) -> None:
    file, net_name, shape, model = NETS[name]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, *shape), np.float32), rng.integers(0, 10, batch)
    net = netspec.compile(SPECS / file, net_name)
    start = time.perf_counter()
    net.train_step(x, y)
    first = time.perf_counter() - start
    sides = {"netspec": lambda: net.train_step(x, y), "torch": torch_step(model(), x, y, False), "torch channels_last": torch_step(model(), x, y, True)}
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
    print(f"{name} batch {batch}: first step {first:.1f} s; " + ", ".join(f"{k} {1e3 * v:.2f} ms" for k, v in median.items())
          + "; " + ", ".join(f"{k} / netspec {median[k] / median['netspec']:.2f}" for k in list(sides)[1:]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=["lenet:64", "resnet20:128"], metavar="NET:BATCH")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(get_threads())
    print(f"torch {torch.__version__}, netspec {netspec.__version__}, {get_threads()} threads")
    for case in args.cases:
        name, _, batch = case.partition(":")
        compare(name, int(batch or 64), args.rounds)


if __name__ == "__main__":
    main()
