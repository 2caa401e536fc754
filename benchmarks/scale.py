"""What more workers would come to, up to 1,024 of them: a simulation from costs that were measured on one machine.

    python benchmarks/scale.py                                   the table of docs/scale.md
    python benchmarks/scale.py --seconds 0.4 --parameters 25.6e6 --ranks 1,8,64

A step is simulated as it goes: each rank computes a part, the slowest decides; then every rank sends a message to every other,
each a stretch of its sum (8 bytes a number), gives the others its stretch of the mean (4 bytes), and all agree along a tree.
Messages of a rank leave it one after the other. Stragglers: the time of a part is log-normal. Failures: each rank dies as a
Poisson process; the others notice at once, agree, and do the step again with a part more on some ranks. Compute, latency and
bandwidth do not overlap, which netspec does not do either. The network is the assumption: its latency and bandwidth are given,
and nobody else uses it. """

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import ceil, log2

import numpy as np


@dataclass(frozen=True)
class Costs:
    """Seconds and bytes: of a part, of a number that is summed, of a message, and how unlike parts and ranks are."""

    seconds: float  # of a part, gradients and all
    parameters: float
    latency: float  # of a message
    bandwidth: float  # bytes a second that leave a rank
    adding: float = 2e-9  # seconds to add a number of float64 to another and to write it
    spread: float = 0.05  # of the logarithm of the time of a part
    lives: float = 30 * 24 * 3600.0  # seconds that a rank lives on the average
    noticing: float = 0.05  # seconds until those that are left know each other again, twice over for each doubling of ranks


def exchange(c: Costs, ranks: int) -> float:
    """Seconds in which all have the mean, after the last has computed."""
    if ranks == 1:
        return 0.0
    share = (ranks - 1) / ranks
    messages = 3 * (ranks - 1) * c.latency + 2 * ceil(log2(ranks)) * c.latency
    return messages + 12 * c.parameters * share / c.bandwidth + c.parameters * c.adding


def simulated(c: Costs, ranks: int, steps: int, seed: int = 0) -> tuple[float, float, float]:
    """Seconds of a step; the share of the time that ranks compute what counts; the share that is lost to failures."""
    random = np.random.default_rng(seed)
    whole = lost = 0.0
    for _ in range(steps):
        took = c.seconds * np.exp(c.spread * random.standard_normal(ranks)).max() + exchange(c, ranks)
        whole += took
        for _ in range(random.poisson(took * ranks / c.lives)):  # the step is done again, by one rank fewer: some have two parts
            again = random.uniform() * took + c.noticing * (1 + log2(ranks)) + took + c.seconds
            lost, whole = lost + again, whole + again
    return whole / steps, c.seconds * steps / whole, lost / whole


NETWORKS = {"10 Gbit/s, 20 us": (2e-5, 1.1e9), "100 Gbit/s, 2 us": (2e-6, 11e9)}


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=0.5, help="of a part on a rank")
    p.add_argument("--parameters", type=float, default=11.7e6)
    p.add_argument("--ranks", default="1,4,16,64,256,1024")
    p.add_argument("--steps", type=int, default=2000)
    a = p.parse_args()
    print(f"{'ranks':>6}" + "".join(f"{name:>24}  lost" for name in NETWORKS))
    for ranks in map(int, a.ranks.split(",")):
        row = [simulated(Costs(a.seconds, a.parameters, *network), ranks, a.steps) for network in NETWORKS.values()]
        print(f"{ranks:>6}" + "".join(f"{step:>14.3f} s {efficiency:>7.1%} {lost:>5.2%}" for step, efficiency, lost in row))


if __name__ == "__main__":
    main()
