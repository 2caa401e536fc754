"""Nothing that a program passes by mistake comes out as anything but a NetspecError."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec
from netspec import NetspecError

TEXT = "net a(k=3):\n  input 1x8x8\n  conv 4 k bn relu\n  fc 3\ntrain a:\n  loss cross_entropy\n  sgd lr=0.01\n"
JUNK: dict[str, Any] = {
    "none": None, "number": 5, "negative": -1, "zero": 0, "fraction": 1.5, "nan": float("nan"), "text": "x", "bytes": b"x",
    "list": [], "mixed": [1, "a"],
    "dict": {"x": 1}, "object": object(), "zeros": np.zeros(3), "images": np.zeros((2, 1, 8, 8)),
    "complex": np.zeros((2, 1, 8, 8), complex),
    "texts": np.array(["a"]), "objects": np.zeros((2, 1, 8, 8), object), "function": lambda: 1, "flag": True, "pair": (1, 2),
    "set": {1}}
X = np.random.default_rng(0).standard_normal((8, 1, 8, 8))
Y = np.arange(8) % 3


@functools.cache
def network() -> netspec.Network:
    return netspec.compile(text=TEXT, device="reference", seed=0)


def holds(call: Callable[..., object], *args: Any, **named: Any) -> None:
    with suppress(NetspecError):
        call(*args, **named)


@pytest.mark.parametrize("junk", JUNK)
def test_making_a_network(junk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    value = JUNK[junk]
    holds(netspec.load_graph, value)
    for name in ("net", "input", "k", "unknown", "parameters"):
        holds(netspec.load_graph, text=TEXT, **{name: value})
    holds(netspec.load_graph, text=value)
    holds(netspec.load_graph(text=TEXT).draw, value)
    for name in ("device", "dtype", "seed", "precision", "parameters"):
        holds(netspec.compile, text=TEXT, **{"device": "reference", name: value})


@pytest.mark.parametrize("junk", JUNK)
def test_using_a_network(junk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net, value = network(), JUNK[junk]
    for call in (net.predict, net.forward, net.backward, net.set_parameters, net.update, net.save, net.load, net.initialise):
        holds(call, value)
    for call in (net.evaluate, net.train_step, net.loss_and_gradients):
        holds(call, value, Y)
        holds(call, X, value)
        for name in list(inspect.signature(call).parameters)[2:]:
            holds(call, X, Y, **{name: value})
    for name in list(inspect.signature(net.fit).parameters)[2:]:
        holds(net.fit, X, Y, **{"epochs": 1, "verbose": 0, name: value})
    holds(net.fit, value, Y, epochs=1, verbose=0)
    holds(net.fit, X, value, epochs=1, verbose=0)
    holds(lambda: net.parameters[value])
    holds(net.parameters.__setitem__, "conv1.weight", value)


def test_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(NetspecError, match="cannot be written"):
        netspec.load_graph(text=TEXT).draw(tmp_path / "missing" / "a.svg")


def test_numbers_of_other_libraries_are_numbers() -> None:
    made = netspec.compile(text=TEXT, k=np.int64(5), dtype=np.float64, seed=np.int32(3), device="reference")  # type: ignore[arg-type]
    assert made.parameters["conv1.weight"].shape == (4, 1, 5, 5)
    assert (made.seed, made.dtype) == (3, np.float64)


class Reluctant:
    """An array of another library that will not be one: a PyTorch tensor that keeps a graph does so."""

    def __array__(self, *a: Any, **k: Any) -> Any:
        raise RuntimeError("no array after all")


def test_what_refuses_to_be_an_array() -> None:
    net = netspec.compile(text=TEXT, device="reference", seed=0)
    for call in (lambda: net.predict(Reluctant()), lambda: net.train_step(X, Reluctant()),
                 lambda: net.set_parameters({"conv1.weight": Reluctant()})):
        with pytest.raises(NetspecError, match="is no array: no array after all"):
            call()


def test_parameters_have_names() -> None:
    with pytest.raises(NetspecError, match="1 is no name"):
        netspec.load_graph(text=TEXT, parameters={1: 3})  # type: ignore[dict-item]
