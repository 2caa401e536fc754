"""Calls from Python: every public method with arrays and values of wrong kinds, shapes, dtypes and sizes. A network that has
refused something still answers as before."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import netspec

NETS = (
    "net a:\n  input 2x6x6\n  conv 3 3x3 bn relu\n  dropout 0.3\n  fc 4\ntrain a:\n  loss cross_entropy\n  sgd lr=0.01\n  batch 4\n",
        "net b:\n  x: input 5\n  y: input 3\n  @x -> a: fc 4\n  @y -> fc 4\n  add @a\n  output o\n  fc 2\ntrain b:\n  loss mse\n  adam lr=0.01\n",
        "net c:\n  input 2x?x?\n  conv 3 3x3\n  avgpool global\n  fc 4\ntrain c:\n  loss cross_entropy\n  sgd lr=0.01\n")
METHODS = ("predict", "forward", "backward", "loss_and_gradients", "train_step", "evaluate", "fit", "set_parameters",
           "initialise", "configure", "update", "save", "load", "summary",
           "parameters", "buffers", "averaged", "compile", "load_graph", "draw", "memory")


@lru_cache(maxsize=len(NETS))
def made(k: int) -> tuple[Any, Any, Any]:
    net = netspec.compile(text=NETS[k])
    x = {0: np.ones((3, 2, 6, 6)), 1: {"x": np.ones((3, 5)), "y": np.ones((3, 3))}, 2: np.ones((3, 2, 5, 7))}[k]
    return net, x, net.predict(x)


class Odd:
    """What claims to be an array, and is not."""

    shape = (3, 2, 6, 6)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("no array after all")


def junk(rng: random.Random) -> Any:
    """A value of some kind, most often an array that does not fit."""
    shape = tuple(rng.choice((0, 1, 2, 3, 4, 5, 6, 7)) for _ in range(rng.randrange(6)))
    arrays: tuple[Callable[[], Any], ...] = (
        lambda: np.ones(shape), lambda: np.ones((rng.choice((1, 2, 5)), 2, 6, 6), np.float32),
        lambda: np.full((2, 2, 6, 6), np.nan), lambda: np.full((2, 2, 6, 6), 1e38),
        lambda: np.ones((2, 2, 6, 6), complex), lambda: np.ones((2, 2, 6, 6), bool), lambda: np.ones((2, 2, 6, 6), np.int8),
        lambda: np.full((2, 2, 6, 6), "a"),
        lambda: np.full((2, 2, 6, 6), None), lambda: np.ones((2, 2, 6, 6), "M8[s]"),
        lambda: np.ones((2, 2, 6, 6), [("a", float)]), lambda: np.ones((2, 2, 6, 6), ">f4"),
        lambda: np.ones((2, 2, 6, 6), np.float16)[::-1],
        lambda: np.lib.stride_tricks.as_strided(np.ones(1), (2, 2, 6, 6), (0, 0, 0, 0)), lambda: np.array(3.0),
        lambda: np.array([]),
        lambda: np.array([[1], [2, 3]], dtype=object), lambda: np.ma.masked_all((2, 2, 6, 6)), lambda: [[1, 2], [3]],
        lambda: [1, 2, 0], lambda: np.arange(3), lambda: np.array([0, 1, 9]),
        lambda: np.array([-1, 0, 1]), lambda: np.array([0.5, 1, 2]), lambda: {"x": np.ones((2, 5)), "y": np.ones((2, 3))},
        lambda: {"x": np.ones((2, 5)), "y": np.ones((3, 3))},
        lambda: {"z": np.ones(3)}, lambda: {1: np.ones(3)}, lambda: (x for x in [1]), lambda: np.matrix([[1.0]]),
        lambda: memoryview(b"abcd"), lambda: np.ones((2, 2, 6, 6)).astype("S3"))
    plain = (None, True, 0, 1, -1, 10**30, 1.5, float("nan"), float("inf"), "", "adam lr=0.1", "q" * 400, "cross_entropy", "mse",
             b"x", (), [], {}, object(), Odd(), lambda x: x, int, "a\x00b",
             "nosuch/folder/x", ".", "\udcff", np.float64(2), np.int64(3), 2**63, -(2**63) - 1, Exception("x"), "eval", "train",
             Path("."), "\n\x1b[31m", range(3), {1, 2}, ("a", 1), [None])
    return rng.choice(arrays)() if rng.random() < 0.6 else rng.choice(plain)


def case(rng: random.Random, place: Path) -> tuple[str, Callable[[], object]]:
    k, method = rng.randrange(len(NETS)), rng.choice(METHODS)
    positional = [junk(rng) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))]
    if rng.random() < 0.4 and positional and method not in ("save", "load", "compile", "load_graph", "draw"):
        positional[0] = made(k)[1]
    names = {"predict": ("batch",), "forward": ("mode",), "backward": ("x", "mode", "inputs"),
             "loss_and_gradients": ("mode", "inputs", "loss"), "train_step": ("batch", "batches"),
             "evaluate": ("batch", "loss"), "fit": ("batch", "validation", "checkpoint", "verbose", "callback"),
             "initialise": ("how", "x", "seed"),
             "configure": ("loss", "optimiser", "schedule", "metrics", "epochs", "batch", "accumulate", "average", "clip", "l2",
                           "l1"), "summary": ("receptive_field",),
             "compile": ("text", "net", "device", "dtype", "precision", "seed", "input", "parameters", "classes"),
             "load_graph": ("text", "net", "input", "parameters", "n"),
             "draw": ("direction",), "memory": ("dtype", "precision", "device")}.get(method, ())
    options = {n: junk(rng) for n in names if rng.random() < 0.3}
    if method in ("compile", "load_graph") and rng.random() < 0.6:
        positional, options = [], options | {"text": rng.choice(NETS)}
    return f"net {k}: {method}(*{shown(positional)}, **{shown(options)})", lambda: called(k, method, positional, options, place)


def shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {value.shape}>"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{n!r}: {shown(v)}" for n, v in value.items()) + "}"
    return repr(value)[:100]


def called(k: int, method: str, positional: list[Any], options: dict[str, Any], place: Path) -> None:
    net, x, _ = made(k)
    if method == "fit":
        options["epochs"] = 1
        options["verbose"] = 0
    weights = {n: np.array(v) for n, v in net.parameters.items()}
    try:
        if method in ("compile", "load_graph"):
            getattr(netspec, method)(*positional, **options)
        elif method in ("draw", "memory"):
            spec = netspec.load_graph(text=NETS[k])
            getattr(spec, method)(*positional, **options)
        elif method in ("parameters", "buffers"):
            held = getattr(net, method)
            if len(positional) > 1:
                held[positional[0]] = positional[1]
            elif positional:
                held[positional[0]]
        elif method == "averaged":
            net.averaged = positional[0] if positional else True
        else:
            getattr(net, method)(*positional, **options)
    except TypeError as e:
        if "positional argument" in str(
            e) or "required positional" in str(e) or "keyword argument" in str(e) or "multiple values" in str(e):
            return  # Python's own refusal of a call
        raise
    finally:
        net.averaged = False
        net.configure(loss=None)
        bad = not all(np.isfinite(v).all() for v in net.parameters.values())
        net.set_parameters(weights)
        if bad and method not in ("set_parameters", "parameters"):
            made.cache_clear()
    net.predict(x)
