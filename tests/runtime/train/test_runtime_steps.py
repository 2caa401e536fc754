"""What happens around an update: penalties and factors by parameter, sums over batches, averages of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import netspec
from netspec.diagnostics import NetspecError
from netspec.optimisers import OPTIMISERS
from netspec.runtime.network import Network
from sweeps import the_first

DEVICES = ("reference", "cpu")
PLAIN = """
net plain:
  input 2x6x5
  conv 3 3x3 relu
  maxpool 2
  block1: conv 4 2x2 relu -> conv 3 1x1 bias=no
  fc 3

train plain:
  loss cross_entropy
  sgd lr=0.1
  batch 4
  epochs 2
"""
RULES = sorted(n for n, cls in OPTIMISERS.items() if not cls.host)


def some(n: int = 10, seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.standard_normal((n, 2, 6, 5)), random.integers(0, 3, n)


def plain(device: str = "reference", lines: str = "", dtype: str = "float64", **more: Any) -> Network:
    return netspec.compile(text=PLAIN + "".join(f"  {line}\n" for line in lines.split(";") if line), device=device, dtype=dtype,
                           **more)


def close(a: Network, b: Network, within: float = 1e-12) -> bool:
    return all(np.allclose(v, b.parameters[k], rtol=0, atol=within) for k, v in a.parameters.items()) and all(
        np.allclose(v, b.buffers[k], rtol=0, atol=within) for k, v in a.buffers.items())


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(NetspecError) as e:
        call()
    return str(e.value)


# -- penalties and factors ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("device", the_first(1, ["cpu", "reference"]))
@pytest.mark.parametrize("rule", RULES)
def test_l1_is_a_gradient_of_its_own_for_every_rule(device: str, rule: str) -> None:
    """As in PyTorch with  loss = criterion(...) + l1 * sum(abs(p).sum()); at 0 the penalty's gradient is 0, as there."""
    x, y = some()
    got, want = plain(device, "regularise l1 0.01"), plain(device)
    for net in (got, want):
        net.configure(optimiser=rule)
        net.parameters["fc1.bias"] = np.zeros(3)
    for _ in range(3):
        got.train_step(x, y)
        _, grads = want.loss_and_gradients(x, y)
        before = dict(want.parameters)
        want.update({k: g + 0.01 * np.sign(before[k]) for k, g in grads.items()})
    assert close(got, want, 1e-10)
    assert got.step == 3


@pytest.mark.parametrize("device", DEVICES)
def test_penalties_reach_what_they_name(device: str) -> None:
    x, y = some()
    net = plain(device, "regularise l1 0.01 weights;regularise l2 0.1")
    before = dict(net.parameters)
    loss, grads = net.loss_and_gradients(x, y)
    assert net.train_step(x, y) == pytest.approx(loss, abs=1e-14), "the loss is reported without the penalties"
    for k, g in grads.items():
        w = before[k]
        want = w - 0.1 * (g + 0.1 * w + (0.01 * np.sign(w) if k.endswith("weight") else 0))
        assert np.allclose(net.parameters[k], want, rtol=0, atol=1e-14), k
    net.configure(regularise=["l1 0.5", "weights"])
    rates = net.rates.at(1, 0, 0, 1, 1)
    assert (rates["fc1.weight"]["l1"], rates["fc1.bias"]["l1"], rates["fc1.weight"]["decay"]) == (0.5, 0, 0)
    assert "l1" not in net.configure(regularise="none").rates.at(1, 0, 0, 1, 1)["fc1.weight"]


@pytest.mark.parametrize("device", DEVICES)
def test_l1_comes_after_the_limits_of_the_gradient(device: str) -> None:
    x, y = some()
    net = plain(device).configure(optimiser="sgd lr=1 clip_value=1e-9 clip=1e9", regularise="l1 0.25")
    before = dict(net.parameters)
    net.train_step(x, y)
    for k, w in before.items():
        assert np.allclose(net.parameters[k], w - 0.25 * np.sign(w), rtol=0, atol=1e-8), k


def test_l1_makes_weights_small_and_lbfgs_knows_it() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((50, 3))
    y = x @ [1.0, 0, 0]
    net = netspec.compile(text="net line:\n  input 3\n  fc 1 bias=no\n",
                          device="reference").configure(loss="mse", regularise="l1 0.02")
    net.fit(x, y, batch=50, epochs=200, optimiser="sgd lr=0.1", schedule="cosine", verbose=0)
    sgd = net.parameters["fc1.weight"]
    assert abs(sgd[0, 1:]).max() < 2e-3
    assert 0.9 < sgd[0, 0] < 0.999
    one = netspec.compile(text="net line:\n  input 3\n  fc 1 bias=no\n",
                          device="reference").configure(loss="mse", regularise="l1 0.02", optimiser="lbfgs lr=1 iterations=1")
    before = one.parameters["fc1.weight"]
    _, grads = one.loss_and_gradients(x, y)
    g = grads["fc1.weight"] + 0.02 * np.sign(before)
    one.train_step(x, y)
    assert np.allclose(one.parameters["fc1.weight"], before - g * min(1, 1 / abs(g).sum()), atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_factors_by_name(device: str) -> None:
    x, y = some()
    net = plain(device).configure(optimiser="sgd lr=0.1 decay=0.5", regularise="l1 0.01",
                                  factors={"block1": {"lr": 0.5, "decay": 0}, "block1.conv2": {"lr": 0}, "fc1.bias": {"lr": 2}})
    before = dict(net.parameters)
    _, grads = net.loss_and_gradients(x, y)
    net.train_step(x, y)
    for k, g in grads.items():
        w = before[k]
        lr = 0.0 if k.startswith("block1.conv2") else 0.05 if k.startswith("block1") else 0.2 if k == "fc1.bias" else 0.1
        penalty = 0 if k.startswith("block1") else 0.5 * w + 0.01 * np.sign(w)
        assert np.allclose(net.parameters[k], w - lr * (g + penalty), rtol=0, atol=1e-13), k
    assert "did you mean block1" in refused(lambda: net.configure(factors={"blok1": {"lr": 1}}))
    assert "at least 0" in refused(lambda: net.configure(factors={"block1": {"lr": -1}}))
    assert "numbers by name" in refused(lambda: net.configure(factors={"block1": 3}))  # type: ignore[dict-item]
    assert "does not have" in refused(lambda: net.configure(factors={"block1": {"rate": 3}}).train_step(x, y))


STATED = """
net stated(slow=0.5):
  input 2x6x5
  conv 3 3x3 bn relu lr=slow decay=0 init=xavier
  prelu lr=2
  fc 4 init="gaussian 0.5" bias_init=0.25 relu
  default fc decay=2 bias_lr=3 bias_decay=0.5
  fc 5 lr=0.25
  fc 3 bias_init="uniform 0.1" init=0.125 bias_decay=0
"""


@pytest.mark.parametrize("device", DEVICES)
def test_what_steps_say_of_their_parameters(device: str) -> None:
    x, y = some()
    net = netspec.compile(text=STATED, device=device, dtype="float64")
    net.configure(loss="cross_entropy", optimiser="sgd lr=0.1 decay=0.5", regularise="l1 0.01")
    before = dict(net.parameters)
    _, grads = net.loss_and_gradients(x, y)
    net.train_step(x, y)
    for k, g in grads.items():
        w = before[k]
        lr = 0.05 if k.startswith("conv1") else 0.2 if k.startswith("prelu") else 0.1
        lr *= {"fc2.weight": 0.25, "fc2.bias": 3, "fc3.bias": 3}.get(k, 1)
        times = {"fc2.weight": 2, "fc2.bias": 0.5, "fc3.weight": 2, "fc3.bias": 0}.get(k, 0 if k.startswith("conv1") else 1)
        penalty = times * (0.5 * w + 0.01 * np.sign(w))
        assert np.allclose(net.parameters[k], w - lr * (g + penalty), rtol=0, atol=1e-13), k
    assert (before["fc1.bias"] == 0.25).all()
    assert (before["fc3.weight"] == 0.125).all()
    assert (before["conv1.bn.weight"] == 1).all()
    assert 0 < abs(before["fc3.bias"]).max() < 0.1
    xavier, he = before["conv1.weight"], netspec.compile(text=STATED.replace("init=xavier", ""), device=device,
                                                         dtype="float64").parameters["conv1.weight"]
    assert np.allclose(xavier / he, ((2 / (18 + 27)) / (2 / 18)) ** 0.5)


@pytest.mark.parametrize(("line", "words"), [
    ("conv 3 3x3 lr=-1", "at least 0"), ("conv 3 3x3 decay=no", "factor"), ("fc 3 init=xaver", "did you mean `xavier`"),
    ('fc 3 init="he 3"', "no number"),
    ('fc 3 bias_init="uniform a"', "one number"), ("fc 3 bias_lr=-1", "factor bias_lr is at least 0"), ("relu bias_decay=0", "no option"), ("relu lr=1", "no option called `lr`"),
    ("fc 3 lrr=1", "no option called `lrr`")])
def test_what_steps_cannot_say_of_parameters(line: str, words: str) -> None:
    assert words in refused(lambda: netspec.compile(text=f"net a:\n  input 2x6x5\n  {line}\n", device="reference"))


def test_the_language_knows_the_initialisers() -> None:
    from netspec.ir.initialisers import INITIALISERS
    from netspec.runtime.initialisers import RULES

    assert list(RULES) == list(INITIALISERS)


@pytest.mark.parametrize("device", DEVICES)
def test_momentum_is_annealed(device: str) -> None:
    x, y = some(8)
    net = plain(device).configure(optimiser="sgd lr=0.1 momentum=0.8", schedule="step 1 factor=0.5 of=momentum")
    velocity = {k: np.zeros_like(v) for k, v in net.parameters.items()}
    for epoch in range(3):
        _, grads = net.loss_and_gradients(x, y)
        want = {}
        for k, g in grads.items():
            velocity[k] = 0.8 * 0.5**epoch * velocity[k] + g
            want[k] = net.parameters[k] - 0.1 * velocity[k]
        net.fit(x, y, epochs=1, batch=8, shuffle=False, verbose=0)
        assert all(np.allclose(net.parameters[k], v, rtol=0, atol=1e-12) for k, v in want.items())


@pytest.mark.parametrize(("line", "words"), [
    ("regularise l3 1e-4", "did you mean `l"), ("regularise l1", "one number"), ("regularise l1 l2 1", "one number"),
    ("regularise l2 -1", "at least 0"),
    ("regularise weigths l2 1", "did you mean `weights`"), ("regularise l1 1 rate=3", "no option `rate`"),
    ("regularise 1e-4", "knows no")])
def test_words_of_regularise_that_do_not_exist(line: str, words: str) -> None:
    assert words in refused(lambda: plain(lines=line))
