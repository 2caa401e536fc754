"""Runs one contraction on the CPU kernels and by its definition, for tests and benchmarks.

The definition is the formula itself: every index takes every value, reads outside a tensor contribute nothing.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.backends.cpu.contract import rows as R
from netspec.backends.cpu.contract import schedule as S
from netspec.backends.cpu.contract.calls import PLAIN, Epilogue
from netspec.backends.cpu.contract.winograd.schedule import wins
from netspec.backends.cpu.families.step import Form
from netspec.ir.contraction import Contraction, classify
from netspec.ir.formula import Axis, Formula
from netspec.ir.layout import Image, Layout, Packed, Target, Vector, blocked, channels_last
from netspec.ir.types import TensorType
from netspec.ir.weight_order import WeightOrder

Array = np.ndarray


def definition(f: Formula, arrays: dict[str, Array], out: tuple[int, ...], extents: dict[str, int]) -> Array:
    """The formula by brute force, in float64."""
    names = f.indices
    grid = dict(zip(names, np.ix_(*[np.arange(extents[i]) for i in names])))

    def where(axes: tuple[Axis, ...], shape: tuple[int, ...]) -> tuple[tuple[Array, ...], Array]:
        at, inside = [], np.array(True)
        for a, size in zip(axes, shape):
            k = np.array(a.const)
            for i, c in a.terms:
                k = k + c * grid[i]
            inside = inside & (k >= 0) & (k < size)
            at.append(np.clip(k, 0, size - 1))
        return tuple(at), inside

    product: Any = 1.0
    for r in f.reads:
        at, inside = where(r.axes, arrays[r.name].shape)
        product = product * np.where(inside, arrays[r.name].astype(np.float64)[at], 0.0)
    at, inside = where(f.target.axes, out)
    at = np.broadcast_arrays(*at, product)[:-1]
    result = np.zeros(out)
    np.add.at(result, tuple(at), np.where(inside, product, 0.0))
    return result


def aligned(bytes: int) -> Array:
    raw = np.full(bytes + 128, 0x7B, np.uint8)  # garbage, so that what is not written shows
    start = -raw.ctypes.data % 64
    return raw[start:start + bytes]


def image_view(memory: Array, v: Image, images: int, halo: bool = False) -> Array:
    """[image, block, depth, row, column, lane] of an image in memory."""
    kind = np.float64 if v.item == 8 else np.float32
    start = v.plus if halo else v.origin
    sizes = [e + 2 * h if halo else e for e, h in zip(v.extents, v.halo)]
    inner = v.channels if v.block == 0 else v.lanes
    flat = memory[start:start + (memory.nbytes - start) // v.item * v.item].view(kind)
    return np.lib.stride_tricks.as_strided(flat, (images, v.blocks, *sizes, inner),
                                           (v.image, v.block, v.plane, v.row, v.pixel, v.item))


def put(memory: Array, v: Image, x: Array) -> None:
    """An array [image, channel, ...] into memory, padding and halo zero."""
    n = len(x)
    image_view(memory, v, n, halo=True)[:] = 0
    full = np.zeros((n, v.blocks * (v.channels if v.block == 0 else v.lanes), *v.extents), x.dtype)
    full[:, :v.channels] = x.reshape(n, v.channels, *v.extents)
    image_view(memory, v, n)[:] = full.reshape(n, v.blocks, -1, *v.extents).transpose(0, 1, 3, 4, 5, 2)


def get(memory: Array, v: Image, n: int, shape: tuple[int, ...]) -> Array:
    """The array back; fails where padded lanes or the halo are not zero."""
    inside = image_view(memory, v, n)
    plain = inside.transpose(0, 1, 5, 2, 3, 4).reshape(n, -1, *v.extents)
    assert not plain[:, v.channels:].any(), "a padded lane is not zero"
    whole = image_view(memory, v, n, halo=True).copy()
    (d, h, w), (D, H, W) = v.halo, v.extents
    whole[:, :, d:d + D, h:h + H, w:w + W] = 0
    assert not whole.any(), "the halo is not zero"
    return plain[:, :v.channels].reshape(n, *shape).copy()


DRIVER = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


def execute(rows: list[Array], threads: int = 1) -> None:
    """What the engine does, in Python: items of a row in any order on any thread."""
    for row in rows:
        items = iter(reversed(range(int(row[2]))) if threads > 1 else range(int(row[2])))
        f, lock = DRIVER(int(row[3])), threading.Lock()

        def work(row: Array = row, items: Any = items, f: Any = f, lock: Any = lock) -> None:
            scratch = aligned(int(row[6]))
            while True:
                with lock:
                    item = next(items, None)
                if item is None:
                    return
                f(int(row.ctypes.data), item, int(scratch.ctypes.data))

        if threads == 1:
            work()
        else:
            team = [threading.Thread(target=work) for _ in range(threads)]
            for t in team:
                t.start()
            for t in team:
                t.join()


class Case:
    """One formula with its types, layouts, plan and memory."""

    def __init__(self, text: str, types: dict[str, TensorType], N: int = 2, lanes: int = 8, dtype: Any = np.float32,
                 over: tuple[tuple[str, int], ...] = (),
                 last: bool = False, precision: str = "float32", epilogue: Epilogue = PLAIN, extras: dict[str, tuple[int, ...]]
                 | None = None,
                 vectors: int = 0, sums: int = 0, out_halo: int = 0, outputs: int = 1, seed: int = 0, master: WeightOrder
                 | None = None, images: int = 1):
        self.f, self.types, self.N, self.dtype = Formula(text, over), types, N, np.dtype(dtype)
        item = self.dtype.itemsize
        self.target = Target("cpu", 64 if lanes * item == 64 else 32 if lanes * item == 32 else 16, item, block=lanes,
                             precision=precision)
        f, target = self.f, self.f.target.name
        self.c: Contraction = classify(f, [types[o] for o in f.operands], [types[target]])
        c, count = self.c, N * images
        self.count, rng = count, np.random.default_rng(seed)
        self.extents = f.extents(tuple(types[o] for o in f.operands), (types[target],)) | {"n": count}
        full = {k: ((count,) if t.batch else ()) + tuple(int(s or 0) for s in t.shape) for k, t in types.items()}
        self.arrays = {k: rng.standard_normal(full[k]).astype(dtype) for k in f.operands}
        for k in f.operands:
            if k == c.weight:
                self.arrays[k] /= np.sqrt(c.macs / c.groups / c.outs / max(1, int(np.prod(c.extents)))).astype(dtype)
        self.full = full
        self.layouts: dict[str, Any] = {}
        self.memory: dict[str, Array] = {}

        def spatial(name: str) -> tuple[int, ...]:
            return full[name][2:]

        self.layouts[c.image] = (channels_last if last else blocked)(full[c.image][1], spatial(c.image),
                                                                     c.halo[3 - len(spatial(c.image)):], lanes, item, images)
        halo = (out_halo,) * len(spatial(c.out))
        out = blocked(full[c.out][1], spatial(c.out), halo, lanes, item, images)
        self.layouts[c.out] = out
        self.order = WeightOrder(c, lanes, last)
        form: Form = "winograd" if not last and wins(c, self.target) else "direct"
        if c.kind == "gather":
            names = [c.out, *(f"{c.out}{k}" for k in range(1, outputs))]
            for name in names:
                self.layouts[name] = out if name == c.out else blocked(full[c.out][1], spatial(c.out), (0,) * len(halo), lanes,
                                                                       item, images)
            self.extras = list((extras or {}).items())
            for name, shape in self.extras:
                self.arrays[name] = rng.standard_normal((count, *shape)).astype(dtype)
                self.layouts[name] = blocked(shape[0], shape[1:], (1,) * len(shape[1:]), lanes, item, images)
            for number in range(vectors):
                self.arrays[f"c{number}"] = rng.standard_normal(full[c.out][1]).astype(dtype)
                self.layouts[f"c{number}"] = Vector(full[c.out][1])
            self.sums = [f"s{k}" for k in range(sums)]
            self.plan = S.plan_gather(c, "g", image=(c.image, self.layouts[c.image]), weight=(c.weight, master or self.order),
                                      outputs=tuple((k, self.layouts[k]) for k in names), target=self.target,
                                      extras=tuple((k, self.layouts[k]) for k, _ in self.extras),
                                      vectors=tuple(f"c{k}" for k in range(vectors)),
                                      sums=tuple(self.sums), epilogue=epilogue, form=form)
            self.names = names
            for name, v in zip(self.sums, S.sum_layouts(c, sums, out, form) if sums else ()):
                self.layouts[name] = v
            self.layouts[c.weight] = Packed(master or self.order)
        else:
            self.plan = S.plan_outer(c, "o", image=(c.image, self.layouts[c.image]), out=(c.out, out), into=c.weight,
                                     target=self.target, form=form)
            self.layouts[c.weight] = Packed(self.order)
            self.sums = []
        for name, v in self.layouts.items():
            if name in self.sums[1:]:
                self.memory[name] = self.memory[self.sums[0]]
            elif isinstance(v, Image):
                self.memory[name] = aligned(count * v.image + 64)
                if name in self.arrays:
                    put(self.memory[name], v, self.arrays[name])
            else:
                size = v.size + (64 if isinstance(v, Vector) else 0)
                self.memory[name] = aligned(size * item)
                if name in self.arrays:
                    flat = self.arrays[name].ravel()
                    target_view = self.memory[name].view(self.dtype)
                    if isinstance(v, Packed):
                        order = v.order.indices()
                        target_view[:] = np.where(order >= 0, flat[order], 0)
                    else:
                        target_view[:len(flat)] = flat
        for w in (*self.plan.workspace, *self.plan.derived):
            self.memory[w.name] = aligned(w.bytes)

    def resolve(self, name: str) -> tuple[int, Layout | None]:
        v = self.layouts.get(name)
        return int(self.memory[name].ctypes.data) + (v.plus if isinstance(v, Image) else 0), v

    def rows(self) -> list[Array]:
        self.tables = [R.rows(c, self.N, self.resolve) for c in self.plan.calls]
        return list(itertools.chain(*(t.rows for t in self.tables)))

    def run(self, threads: int = 1) -> Array:
        execute(self.rows(), threads)
        return self.result()

    def result(self) -> Array:
        c = self.c
        if c.kind == "gather":
            return get(self.memory[c.out], self.layouts[c.out], self.count, self.full[c.out][1:])
        flat = self.memory[c.weight].view(self.dtype)
        order = self.order.indices()
        assert not flat[order < 0].any(), "padding of a weight gradient is not zero"
        out = np.zeros(int(np.prod(self.full[c.weight])), self.dtype)
        out[order[order >= 0]] = flat[order >= 0]
        return out.reshape(self.full[c.weight])

    def reference(self) -> Array:
        return definition(self.f, self.arrays, self.full[self.f.target.name], self.extents)

    def error(self, threads: int = 1) -> float:
        want = self.reference()
        return float(np.abs(self.run(threads) - want).max() / max(1e-30, np.abs(want).max()))


def types(**shapes: tuple[int, ...]) -> dict[str, TensorType]:
    """Shapes of one image; a weight's name begins with w or dw."""
    return {k: TensorType(s, batch=0 if k.lstrip("d").startswith("w") else 1) for k, s in shapes.items()}


def trio(text: str, over: tuple[tuple[str, int], ...] = (), **shapes: tuple[int, ...]) -> list[tuple[str, dict[str, TensorType]]]:
    """A forward formula with its two gradients."""
    f = Formula(text, over)
    t = types(**shapes)
    image, weight = f.reads
    y = f.target
    data = f"dx{str(image)[len(image.name):]} += dy{str(y)[len(y.name):]} * {weight}"
    grad = f"d{weight.name}{str(weight)[len(weight.name):]} += {image} * dy{str(y)[len(y.name):]}"
    return [(text, t), (data, {"dx": t[image.name], "dy": t[y.name], weight.name: t[weight.name]}),
            (grad, {image.name: t[image.name], "dy": t[y.name], f"d{weight.name}": t[weight.name]})]


def without(c: Contraction) -> Contraction:
    return replace(c, out="", image="", weight="")
