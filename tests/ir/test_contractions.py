"""What a contraction says, carried out with NumPy, is what its formula means: of formulas made at random, those that no layer
writes among them. `tests/backends/cpu/test_contraction.py` asks the same of kernels."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from contraction_harness import definition
from netspec.ir.contraction import Contraction, classify, without_edges
from netspec.ir.formula import Access, Axis, Formula
from netspec.ir.types import TensorType

IMAGES = 2


def carried_out(c: Contraction, arrays: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """By the phases, taps, strides and halo of a contraction alone. `shape` is that of the result."""
    edges = [(0, 0)] * 3 + [(h, h) for h in c.halo]
    image = np.pad(arrays[c.image].reshape(IMAGES, c.groups, c.ins, *c.reads), edges)
    gathered, extents = c.kind == "gather", (IMAGES, c.groups, c.outs, *c.extents)
    out = np.zeros(extents) if gathered else arrays[c.out].reshape(extents)
    weight = arrays[c.weight].ravel() if gathered else np.zeros(c.shape).ravel()
    g, o, i = np.ix_(*map(range, (c.groups, c.outs, c.ins)))
    for phase in c.phases:
        place = np.ix_(*(p.start + p.step * np.arange(p.count) for p in phase))
        for taps in itertools.product(*(p.taps for p in phase)):
            read = np.ix_(*(p.stride * np.arange(p.count) + at + h for p, (_, at), h in zip(phase, taps, c.halo)))
            assert all(r.min() >= 0 for r in read if r.size)
            number = c.base + sum(s * k for s, k in zip(c.strides, (g, o, i, *(v for v, _ in taps))))
            seen = image[:, :, :, *read]
            if gathered:
                out[:, :, :, *place] += np.einsum("ngidhw,goi->ngodhw", seen, weight[number])
            else:
                np.add.at(weight, number, np.einsum("ngidhw,ngodhw->goi", seen, out[:, :, :, *place]))
    return (out if gathered else weight).reshape(shape)


class Drawn:
    """A product of two reads drawn at random: like a layer's, and then, perhaps, with something else somewhere."""

    def __init__(self, seed: int):
        self.r = r = random.Random(seed)
        extents = {"n": IMAGES, "g": r.choice([1, 2, 3]), "o": r.randint(2, 4), "c": r.randint(2, 3)}
        x, y = [*self.channels(extents, "c")], [*self.channels(extents, "o")]
        groups = len(x[0].terms) > 1 or len(y[0].terms) > 1 or (x[0].bare == y[0].bare == "g")
        w = [y[0] if r.random() < 0.7 or not groups else Axis((("g", 1),)), *([Axis((("c", 1),))] if x[0].coefficient("c") else [])]
        if w[0].terms == (("g", 1),) and y[0].coefficient("o"):
            w.append(Axis((("o", 1),)))
        r.shuffle(w)
        for k in range(r.randint(0, 3)):
            p, u = "pqr"[k], "uvt"[k]
            extents |= {p: r.choice([1, 2, 4, 5]), u: r.choice([1, 2, 3])}
            slid = Axis(((p, r.choice([1, 1, 1, 2, 3])), (u, r.choice([1, 1, 2]))), r.choice([0, 0, -1, -2, 1]))
            here, there = r.choice([(x, y), (x, y), (y, x)])
            kind = r.choice(["slid", "slid", "slid", "plane", "same", "whole"])
            if kind == "slid":
                here.append(slid)
                there.append(Axis(((p, 1),)))
                w.append(Axis(((u, 1),)))
            elif kind == "plane":  # summed away, or made of one number
                here.append(Axis(((u, 1),), r.choice([0, 0, 1, -1])))
                w.append(Axis(((u, 1),)))
            elif kind == "same":
                here.append(Axis(((p, 1),), r.choice([0, 0, 1])))
                there.append(Axis(((p, 1),)))
            else:  # each image is counted on
                here.append(Axis(((p, 1),)))
        tensors = [("x", [Axis((("n", 1),)), *x]), ("w", w), ("y", [Axis((("n", 1),)), *y])]
        if r.random() < 0.4:
            self.odd(tensors, extents)
        self.extents = extents
        self.shapes = {name: tuple(self.size(a, name != "w") for a in axes) for name, axes in tensors}
        target = r.choice(["x", "y", "w"])
        reads = [Access(name, tuple(axes)) for name, axes in tensors if name != target]
        r.shuffle(reads)
        (written,) = (Access(name, tuple(axes)) for name, axes in tensors if name == target)
        self.formula = Formula(f"{written} += {reads[0]} * {reads[1]}", tuple((i, e) for i, e in extents.items() if i != "n"))

    def channels(self, extents: dict[str, int], index: str) -> tuple[Axis]:
        """One index, one and a group's, or the group's alone."""
        kind = self.r.choice(["own", "own", "both", "group"])
        if kind == "own":
            return (Axis(((index, 1),)),)
        return (Axis((("g", extents[index]), (index, 1)) if kind == "both" else (("g", 1),)),)

    def odd(self, tensors: list[tuple[str, list[Axis]]], extents: dict[str, int]) -> None:
        axes = self.r.choice(tensors)[1]
        k = self.r.randrange(len(axes))
        if axes[k].bare == "n":
            return
        kind = self.r.choice(["another", "moved", "stretched", "more", "less", "turned", "twice"])
        if kind == "less" and len(axes) > 1:
            axes.pop(k)
        elif kind == "more":
            axes.insert(k, axes[self.r.randrange(k, len(axes))])
        elif kind == "moved":
            axes[k] = replace(axes[k], const=axes[k].const + self.r.choice([-1, 1]))
        elif kind == "stretched":
            axes[k] = replace(axes[k], terms=tuple((i, c + self.r.choice([0, 1])) for i, c in axes[k].terms))
        elif kind == "turned":
            axes[k] = replace(axes[k], terms=tuple((i, -c) for i, c in axes[k].terms))
        elif kind == "another":
            axes[k] = Axis(((self.r.choice([i for i in extents if i != "n"]), 1),))
        elif kind == "twice":
            index = self.r.choice([i for i in extents if i != "n"])
            axes[k] = Axis((*(t for t in axes[k].terms if t[0] != index), (index, 1)))

    def size(self, a: Axis, image: bool) -> int:
        """As many places as it takes, or, of an image, a few more or fewer: what lies outside is left out."""
        if a.bare:
            return self.extents[a.bare]
        last = a.const + sum(max(0, c * (self.extents[i] - 1)) for i, c in a.terms)
        return max(1, last + 1 + (self.r.choice([0, 0, 0, -1, 1, 2]) if image else 0))


def test_a_contraction_says_what_its_formula_means() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(1000):
        d = Drawn(seed)
        f = d.formula
        types = {k: TensorType(s, 0) if k == "w" else TensorType(s[1:]) for k, s in d.shapes.items()}
        if f.diagonal or any(t.batch and not 1 <= len(t.shape) <= 4 for t in types.values()):
            continue
        try:
            c = classify(f, [types[o] for o in f.operands], [types[f.target.name]])
        except ValueError:
            kinds["refused"] += 1
            continue
        kinds[c.kind, c.groups > 1, f.target.name] += 1
        rng = np.random.default_rng(seed)
        arrays = {o: rng.standard_normal(d.shapes[o]) for o in f.operands}
        shape = d.shapes[f.target.name]
        want = definition(f, arrays, shape, d.extents)
        said = f"seed {seed}: {f}  {d.shapes}"
        np.testing.assert_allclose(carried_out(c, arrays, shape), want, atol=1e-12, err_msg=said)
        np.testing.assert_allclose(carried_out(without_edges(c), arrays, shape), want, atol=1e-12, err_msg=said)
    assert len(kinds) == 7 and min(kinds.values()) > 10  # gathered and summed, with groups and without, of each of the three


def test_planes_and_rows_near_the_edge_leave_out_what_reads_the_border() -> None:
    """Of a 5x5 window over 4x4 places: 3 + 4 + 4 + 3 of the 20 rows of taps are inside. A large image stays as it is."""
    f = Formula("y[n,o,p,q] += x[n,c,p+u-2,q+v-2] * w[o,c,u,v]")

    def over(size: int) -> Contraction:
        return classify(f, [TensorType((2, size, size)), TensorType((3, 2, 5, 5), 0)], [TensorType((3, size, size))])

    assert over(4).macs == 3 * 2 * 20 * 20
    assert without_edges(over(4)).macs == 3 * 2 * 14 * 20
    assert without_edges(over(60)) == over(60)


@pytest.mark.parametrize(("text", "x", "w", "y", "stencil"), [
    ("y[n,o,p,q] += x[n,c,p+u,q+v] * w[o,c,u,v]", (2, 6, 6), (4, 2, 3, 3), (4, 4, 4), True),
    ("y[n,o,p,q] += x[n,c,p+u-1,q+v-2] * w[o,c,u,v]", (2, 6, 6), (4, 2, 3, 3), (4, 6, 6), True),
    ("y[n,o,p,q] += x[n,c,2*p+u,q+v] * w[o,c,u,v]", (2, 7, 6), (4, 2, 3, 3), (4, 3, 4), False),
    ("y[n,o,p,q] += x[n,c,p+u,2*q+v] * w[o,c,u,v]", (2, 6, 7), (4, 2, 3, 3), (4, 4, 3), False),
    ("y[n,o,p,q] += x[n,c,p+2*u,q+v] * w[o,c,u,v]", (2, 8, 6), (4, 2, 3, 3), (4, 4, 4), False),
    ("y[n,o,p,q] += x[n,c,p+u,q+v] * w[o,c,u,v]", (2, 6, 6), (4, 2, 3, 2), (4, 4, 5), False),
    ("y[n,o,p,q] += x[n,c,p+u,q+v] * w[o,c,u,v]", (2, 6, 6), (4, 2, 4, 3), (4, 3, 4), False),
    ("y[n,o,q] += x[n,c,q+v] * w[o,c,v]", (2, 6), (4, 2, 3), (4, 4), False),
    ("y[n,o,d,p,q] += x[n,c,d+t,p+u,q+v] * w[o,c,t,u,v]", (2, 6, 6, 6), (4, 2, 2, 3, 3), (4, 5, 4, 4), False),
    ("y[n,2*g+o,p,q] += x[n,2*g+c,p+u,q+v] * w[2*g+o,c,u,v]; g < 2; o < 2; c < 2", (4, 6, 6), (4, 2, 3, 3), (4, 4, 4), False),
    ("x[n,c,p+u,q+v] += y[n,o,p,q] * w[o,c,u,v]", (2, 6, 6), (4, 2, 3, 3), (4, 4, 4), True),  # a gradient slides as well
    ("x[n,c,2*p+u,q+v] += y[n,o,p,q] * w[o,c,u,v]", (2, 7, 6), (4, 2, 3, 3), (4, 3, 4), False),
])
def test_what_slides_a_plain_3x3_and_nothing_else_is_a_stencil(text: str, x: tuple[int, ...], w: tuple[int, ...],
                                                               y: tuple[int, ...], stencil: bool) -> None:
    """Winograd's form computes that, and would compute it of anything that is called one."""
    written, *over = text.split("; ")
    f = Formula(written, tuple((i, int(e)) for i, e in (o.split(" < ") for o in over)))
    types = {"x": TensorType(x), "w": TensorType(w, 0), "y": TensorType(y)}
    c = classify(f, [types[name] for name in f.operands], [types[f.target.name]])
    assert c.stencil == stencil
