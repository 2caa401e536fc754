"""Checkpoints and weights: bytes turned, files cut short, and files with a right checksum and wrong facts. Whatever is refused
has changed nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

import netspec
from netspec.runtime.io import checkpoint

TEXT = (
    "net a:\n  input 5\n  fc 4 bn relu\n  fc 3\ntrain a:\n  loss cross_entropy\n  adam lr=0.01\n  average 0.9\n  batch 4\n  epochs 3\n")
X, Y = np.random.default_rng(0).standard_normal((8, 5)), np.arange(8) % 3
VALUES: tuple[Any, ...] = (None, True, 0, -1, 1.5, 10**30, float("nan"), "", "a", "q" * 500, [], {}, [1], {"a": 1}, [[[[1]]]],
                           "\x00", "0.1", "../x", 1e308, [None], "\ud800")


@lru_cache(maxsize=1)
def trained() -> tuple[Any, bytes]:
    net = netspec.compile(text=TEXT)
    net.fit(X, Y, epochs=1, verbose=0, checkpoint="first.safetensors")
    return net, Path("first.safetensors").read_bytes()


def case(rng: random.Random, place: Path) -> tuple[str, Callable[[], object]]:
    net, data = trained()
    what = rng.choice(("bytes", "cut", "facts", "facts", "facts", "header", "tensors", "random"))
    match what:
        case "bytes":
            at = rng.randrange(len(data))
            data, what = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:], f"bytes: byte {at}"
        case "cut":
            data, what = data[:(at := rng.randrange(len(data)))], f"cut at {at}"
        case "random":
            data = rng.randbytes(rng.choice((0, 1, 7, 8, 9, 100, 1000)))
        case _:
            data, what = rewritten(data, what, rng, place)
    (place / "x.safetensors").write_bytes(data)
    weights = rng.random() < 0.3
    return f"{what}{' as weights=' if weights else ''}", lambda: loaded(net, place, weights)


def rewritten(data: bytes, what: str, rng: random.Random, place: Path) -> tuple[bytes, str]:
    """The file with something else in it, and a checksum that is right again."""
    size = int.from_bytes(data[:8], "little")
    tensors, facts = load(data), json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["netspec"])
    facts.pop("sha256")
    if what == "tensors":
        name = rng.choice(list(tensors))
        how = rng.choice(("drop", "shape", "kind", "nan", "negative", "name", "more"))
        v = tensors[name]
        if how in ("drop", "name"):
            del tensors[name]
        if how == "name":
            tensors[rng.choice(("x", "", "../x", "q" * 300, "average/nosuch"))] = v
        elif how == "more":
            tensors[name + "2"] = v
        elif how != "drop":
            changed = {"shape": lambda: v.reshape(-1)[:1],
                       "kind": lambda: v.astype(rng.choice(("bool", "u1", "i1", "i8", "f8", "f2"))), "nan": lambda: v * np.nan,
                       "negative": lambda: -abs(v) - 1}
            tensors[name] = np.ascontiguousarray(changed[how]())
        return packed(tensors, facts), f"tensors: {how} {name}"
    path = []
    inner: Any = facts
    while isinstance(inner, (dict, list)) and inner and (not path or rng.random() < 0.6):
        key = rng.choice(list(inner)) if isinstance(inner, dict) else rng.randrange(len(inner))
        path.append(key)
        holder, inner = inner, inner[key]
    if rng.random() < 0.3 and isinstance(holder, dict):
        del holder[path[-1]]
        return packed(tensors, facts), f"facts: without {path}"
    value = rng.choice(VALUES)
    holder[path[-1]] = value
    if what == "header" and rng.random() < 0.5:
        deep: Any = 1
        for _ in range(rng.choice((10, 900))):
            deep = [deep]
        holder[path[-1]], value = deep, "deep"
    return packed(tensors, facts), f"facts: {path} = {value!r}"


def packed(tensors: dict[str, Any], facts: dict[str, Any]) -> bytes:
    try:
        facts["sha256"] = checkpoint._digest(tensors, facts)
        meta = {"netspec": json.dumps(facts)}
        return save(tensors, metadata=meta)
    except (UnicodeEncodeError, ValueError):
        return b""


def loaded(net: Any, place: Path, weights: bool) -> None:
    if weights:
        text = TEXT.replace("net a:", "block b:").partition("train")[0] + 'net a:\n  input 5\n  b weights="x.safetensors"\n'
        (place / "a.net").write_text(text)
        netspec.compile(place / "a.net").predict(X)
        return
    before = state(net)
    try:
        net.load(str(place / "x.safetensors"))
    except netspec.NetspecError:
        assert state(net) == before, "refused, and yet changed"
        raise
    assert all(np.isfinite(v).all() for v in net.parameters.values()) and np.isfinite(net.predict(X)).all()
    net.train_step(X, Y)


def state(net: Any) -> list[Any]:
    return [net.epoch, net.state.optimiser.updates, *(v.tobytes() for v in net.parameters.values()),
            *(v.tobytes() for v in net.buffers.values())]
