"""Batches cut into shards, on one process: what a step of parts means, and the tree that sums them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.backends.executor import Outcome
from netspec.diagnostics import NetspecError
from netspec.metrics import METRICS
from netspec.runtime.distributed.dealing import share
from netspec.runtime.distributed.tree import Sum, Tree, branches
from netspec.runtime.measuring.measured import Measured
from netspec.runtime.network import Network

NET = """net a:
  input 1x8x8
  conv 4 3x3{bn}
  relu
  maxpool 2
  dropout 0.3
  fc 10

train a:
  loss cross_entropy
  sgd lr=0.1 momentum=0.9
"""


@cache
def digits() -> tuple[Any, Any]:
    (x, y), _ = netspec.data.digits()
    return x[:150], y[:150]


def made(lines: str, bn: bool = False, dtype: str = "float32") -> Network:
    text = NET.format(bn="\n  bn" if bn else "") + "".join(f"  {line}\n" for line in lines.split(";"))
    return netspec.compile(text=text, seed=1, dtype=dtype)


def fitted(lines: str, bn: bool = False, dtype: str = "float32", epochs: int = 2) -> Network:
    net = made(lines, bn, dtype)
    net.fit(*digits(), epochs=epochs, verbose=0)
    return net


def bits(net: Network) -> str:
    return hashlib.sha256(b"".join(v[k].tobytes() for v in (net.parameters, net.buffers) for k in v)).hexdigest()


# -- the tree ------------------------------------------------------------------------------------------------------------------
def parts(many: int) -> list[Any]:
    random = np.random.default_rng(many)
    return [random.standard_normal(7) * 10.0 ** random.integers(-9, 9) for _ in range(many)]


def by_hand(flat: list[Any], keep: Any) -> Any:
    """The same sum, written as what the tree means."""
    level = [(f.copy(), 1) for f in flat]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2])
        level = [(np.concatenate([a[:5] + b[:5], a[5:] * keep**n + b[5:]]), m + n) for (a, m), (b, n) in pairs
                 ] + level[len(level) & ~1 :]
    return level[0][0]


@pytest.mark.parametrize("many", [1, 2, 3, 5, 8, 11])
def test_whoever_has_the_parts_their_sum_has_the_same_bits(many: int) -> None:
    keep = np.array([0.9, 0.5])
    for workers in range(1, many + 2):
        whole = Tree(keep)
        for rank in range(workers):
            own = Tree(keep)
            mine = share(many, rank, workers)
            for k in mine:
                own.add(k, Sum(parts(many)[k], k + 1.0))
            left = own.close(many)
            assert list(left) == branches(many, mine)
            for place, held in left.items():
                whole.put(place, held)
        (root,) = whole.close(many).values()
        assert root.flat.tobytes() == by_hand(parts(many), keep).tobytes()
        assert root.weight == many * (many + 1) / 2 and root.parts == many


def test_parts_are_dealt_whole() -> None:
    for many in range(12):
        for workers in range(1, 9):
            dealt = [share(many, rank, workers) for rank in range(workers)]
            assert [k for one in dealt for k in one] == list(range(many))
            assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_running_statistics_move_as_one_part_after_the_other_moves_them() -> None:
    keep, statistic = 0.9, np.random.default_rng(0).standard_normal(5)
    now, tree = 3.0, Tree(np.array([keep]))
    for k, s in enumerate(statistic):
        now = keep * now + (1 - keep) * s
        tree.add(k, Sum(np.array([keep * 3.0 + (1 - keep) * s - 3.0]), 1.0))
    (root,) = tree.close(5).values()
    assert abs(3.0 + root.flat[0] - now) < 1e-14


# -- what a step means -----------------------------------------------------------------------------------------------------------
def test_shards_are_accumulate_spread_out() -> None:
    """150 examples: two steps of eight parts, then one of three, the last of them smaller. Augmented, with dropout."""
    lines = "augment crop pad=1;average 0.9;"
    alone = fitted(lines + "batch 8;accumulate 8")
    assert bits(fitted(lines + "batch 64;shards 8")) == bits(fitted(lines + "batch 32;shards 4;accumulate 2")) == bits(alone)
    two = "batch 8;accumulate 2", "batch 16;shards 2"
    assert len({bits(fitted(line, dtype="float64", epochs=1)) for line in two}) == 1


def test_each_part_has_batch_statistics_of_its_own() -> None:
    """To roundings what `accumulate` comes to, which begins each part where the one before it has moved the running mean."""
    a, b = (fitted(lines, bn=True, dtype="float64") for lines in ("batch 8;accumulate 8", "batch 64;shards 8"))
    for here, there in ((a.parameters, b.parameters), (a.buffers, b.buffers)):
        for k in here:
            assert np.allclose(here[k], there[k], rtol=1e-9, atol=1e-12), k
    whole = fitted("batch 64", bn=True, dtype="float64")
    assert not np.allclose(whole.buffers["bn1.mean"], b.buffers["bn1.mean"], rtol=1e-3)


def test_a_checkpoint_of_one_goes_on_in_the_other(tmp_path: Path) -> None:
    file = str(tmp_path / "c.safetensors")
    begun = made("batch 8;accumulate 8")

    def stop(net: Any, step: int, loss: float) -> None:
        if step == 2:
            net.save(file)

    class Saving(netspec.Callback):
        on_step = staticmethod(stop)

    whole = begun.fit(*digits(), epochs=2, verbose=0, callbacks=Saving())
    rest = made("batch 64;shards 8")
    rest.load(file)
    assert rest.fit(*digits(), epochs=2, verbose=0)["loss"] == whole["loss"] and bits(rest) == bits(begun)


def test_drop_last_leaves_out_what_fills_no_batch() -> None:
    net = fitted("batch 64;shards 8;drop_last", epochs=1)
    assert net.step == 2


def test_batches_of_somebody_else_are_parts_as_they_come() -> None:
    x, y = digits()
    batches = [(x[k : k + 8], y[k : k + 8]) for k in range(0, 150, 8)]
    a, b = made("batch 8;accumulate 4"), made("batch 32;shards 4")
    assert a.fit(batches, epochs=2, verbose=0)["loss"] == b.fit(lambda: iter(batches), epochs=2, verbose=0)["loss"]
    assert bits(a) == bits(b) and a.step == 2 * 5


def test_a_part_that_is_not_finite_comes_to_nothing() -> None:
    x, y = digits()
    bad = x.astype(np.float32)
    bad[20] = np.nan
    net = made("batch 64;shards 8", bn=True)
    before = bits(net)
    with pytest.raises(NetspecError, match=r"holds nan") as e:
        net.fit(bad, y, epochs=1, shuffle=False, verbose=0)
    assert bits(net) == before and net.step == 0 and "step 1" in str(e.value)


def test_what_shards_refuse() -> None:
    with pytest.raises(NetspecError, match=r"batch of 100 cannot be cut into 8 shards alike") as e:
        made("batch 100;shards 8")
    assert "hint: batch 104" in str(e.value)
    with pytest.raises(NetspecError, match="batch of 20 cannot be cut into 8"):
        made("batch 64;shards 8").fit(*digits(), batch=20, verbose=0)
    with pytest.raises(NetspecError, match="one batch several times"):
        made("batch 64;shards 8").fit(*digits(), optimiser="lbfgs", verbose=0)


def test_a_checkpoint_says_the_shards(tmp_path: Path) -> None:
    file = str(tmp_path / "c.safetensors")
    net = made("batch 64")
    net.configure(shards=4)
    net.save(file)
    assert netspec.load(file).recipe.shards == 4


# -- what parts measure -----------------------------------------------------------------------------------------------
def test_metrics_of_parts_are_those_of_batches() -> None:
    """Each metric that reads class numbers, and each that reads marks or numbers: taken in from parts, the same bits."""
    random = np.random.default_rng(0)
    for loss, sort in (("cross_entropy", "classes"), ("bce", "marks"), ("mse", "numbers")):
        names = [n for n, m in METRICS.items() if sort in m().reads]
        lines = "".join(f"  metric {n}\n" for n in names)
        net = netspec.compile(text=f"net a:\n  input 6\n  fc 6\n\ntrain a:\n  loss {loss}\n{lines}")
        for weights in (None, np.array([0.3, 1.0, 0.7, 0.2])):
            whole, taken = (Measured(net.graph, net.recipe.terms, net.recipe.metrics) for _ in range(2))
            for _ in range(3):
                outputs = {"out": random.random((4, 6)).astype(np.float32)}
                targets = {"target.out": random.integers(0, 6, (4, 1)) if sort == "classes" else
                           (random.random((4, 6)) > 0.5).astype(np.float32) if sort == "marks" else random.random((4, 6))}
                out = Outcome((random.random(),), outputs)
                whole.add(out, targets, 4, weights)
                taken.take(taken.part(out, targets, 4, weights))
            assert repr(whole.numbers) == repr(taken.numbers), (loss, names)
