"""Training reaches the accuracy that PyTorch reaches on the packaged digits (tests/references/digits.json)."""

from __future__ import annotations

import json
from functools import cache

import pytest

import netspec
from netspec.backends.executor import Array
from sweeps import the_first
from where import REFERENCES

TABLE = json.loads((REFERENCES / "digits.json").read_text(encoding="utf-8"))
SPECS = {
    "mlp": "net mlp:\n  input 1x8x8\n  fc 50 relu\n  fc 10\n",
    "cnn": "net cnn:\n  input 1x8x8\n  conv 16 3x3 relu\n  conv 32 3x3 relu\n  maxpool 2\n  fc 64 relu\n  fc 10\n",
}
DEVICES = ("cpu",)
OPTIMISERS = {"sgdm": "sgd lr=0.05 momentum=0.9", "adam": "adam lr=0.001"}


def bar(net: str, optimiser: str) -> dict[str, float]:
    return next(r for r in TABLE["results"] if (r["net"], r["optimiser"], r["split"]) == (net, optimiser, "mod5"))


@cache
def data() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    return netspec.data.digits()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("net", "optimiser"), the_first(1, [("mlp", "sgdm"), ("cnn", "adam")]))
def test_as_accurate_as_pytorch(net: str, optimiser: str, device: str) -> None:
    want = bar(net, optimiser)
    (x, y), (xt, yt) = data()
    assert (len(x), len(xt)) == (1437, 360)
    made = netspec.compile(text=SPECS[net], device=device, dtype="float32")
    assert sum(p.size for p in made.parameters.values()) == want["params"]
    reached = []
    for seed in TABLE["seeds"]:
        made.initialise(seed=seed)
        made.fit(x, y, loss="cross_entropy", optimiser=OPTIMISERS[optimiser], batch=TABLE["batch"], epochs=int(want["epochs"]),
                 verbose=0)
        reached.append(made.evaluate(xt, yt)["accuracy"])
    assert sum(reached) / len(reached) >= want["test_acc_mean"] - 0.005, reached
    assert min(reached) >= want["test_acc_min"] - 0.01, reached
