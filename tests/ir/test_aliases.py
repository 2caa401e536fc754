"""Moves and the layouts that make them no code, against where each number lies: of formulas made at random.
`tests/backends/cpu/test_moves.py` runs those that layers write."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from contraction_harness import definition
from netspec.ir.formula import Access, Axis, Formula
from netspec.ir.layout import Image, blocked
from netspec.ir.moves import Move, alias, common_places, move_of
from netspec.ir.types import TensorType

SAMPLES = 2
ITEM = 4


def drawn(r: random.Random) -> tuple[Formula, dict[str, int], TensorType, TensorType]:
    """y[...] = x[...], its extents, the types of x and of y."""
    extents = {"c": r.choice([1, 2, 4, 8]), "v": r.choice([1, 2, 3]), "h": r.choice([1, 2, 3]), "w": r.choice([1, 2, 3]), "d": 2}
    indices = ["c", "v", "h", "w", "d"][:r.randint(1, 5)]
    first = r.choice([Axis((("n", 1),)), Axis((("n", 1),)), Axis((("n", extents["v"]), ("v", 1)))])

    def side(first: Axis) -> list[Axis]:
        left = [i for i in indices if not first.coefficient(i)]
        if r.random() < 0.3:
            r.shuffle(left)
        axes: list[Axis] = []
        while left:
            some = [left.pop() for _ in range(min(len(left), r.choice([1, 1, 1, 1, 2, 3])))]
            unit, terms = 1, []
            for i in some:
                terms.append((i, unit))
                unit *= extents[i]
            axes.insert(0, Axis(tuple(reversed(terms)), r.choice([0] * 7 + [1, 2, 4, 8])))
            if r.random() < 0.1:
                axes.insert(r.randint(0, len(axes)), Axis((), r.choice([0, 0, 1])))
            if r.random() < 0.1:
                axes[0] = replace(axes[0], terms=tuple((i, k * r.choice([1, 2, -1])) for i, k in axes[0].terms))
        return [first, *axes]

    to, source = (Access(name, tuple(side(f))) for name, f in (("y", r.choice([first, Axis((("n", 1),))])),
                                                              ("x", r.choice([first, Axis((("n", 1),))]))))

    def type_of(a: Access) -> TensorType:
        sizes = [1 + x.const + sum(max(0, k * (extents[i] - 1)) for i, k in x.terms) for x in a.axes[1:]]
        spare = [r.choice([0, 0, 0, 1, 4]) if not x.bare else 0 for x in a.axes[1:]]
        return TensorType(tuple(max(1, s + more) for s, more in zip(sizes, spare)), a.axes[0].coefficient("n"))

    used = {i for a in (to, source) for i in a.indices if i != "n"}
    extents = {i: e for i, e in extents.items() if i in used}
    return Formula(f"{to} = {source}", tuple(extents.items())), extents, type_of(source), type_of(to)


def moved(m: Move, x: Any, size: int) -> Any:
    """A move carried out: `x` are the numbers of the images of each n, and `size` how many there are of the result."""
    out = np.zeros((len(x), size))
    for index in itertools.product(*map(range, m.extents)):
        out[:, m.at + sum(k * s for k, s in zip(index, m.to))] += x[:, m.start + sum(k * s for k, s in zip(index, m.source))]
    return out


def test_a_move_puts_each_number_where_its_formula_does() -> None:
    known = kept = 0
    for seed in range(700):
        f, extents, tx, ty = drawn(random.Random(seed))
        m = move_of(f, (tx,), ty)
        if m is None:
            continue
        x = np.random.default_rng(seed).standard_normal((SAMPLES * tx.batch, *map(int, tx.shape)))  # type: ignore[arg-type]
        want = definition(f, {"x": x}, (SAMPLES * ty.batch, *map(int, ty.shape)), {**extents, "n": SAMPLES})  # type: ignore[arg-type]
        got = moved(m, x.reshape(SAMPLES, -1), want.size // SAMPLES)
        said = f"seed {seed}: {f}  {tx} -> {ty}"
        np.testing.assert_array_equal(got.ravel(), want.ravel(), err_msg=said)
        order = want.size == x.size and np.array_equal(want.ravel(), x.ravel())
        assert not m.keeps_order(tx, ty) or order, said
        known, kept = known + 1, kept + m.keeps_order(tx, ty)
    assert known > 200
    assert kept > 50


def test_what_is_said_of_no_extent_is_no_move() -> None:
    assert move_of(Formula("y[n,c] = x[n,c+h]"), (TensorType((4,)),), TensorType((4,))) is None
    assert move_of(Formula("y[n,c] = x[n,c+h]", (("h", 1),)), (TensorType((4,)),), TensorType((4,))) is not None


def test_what_goes_by_the_number_of_the_image_is_no_move() -> None:
    """It is another place in each."""
    assert move_of(Formula("y[n,c] = x[n,c+n]", (("c", 2),)), (TensorType((4,)),), TensorType((2,))) is None
    assert move_of(Formula("y[n,c+n] = x[n,c]", (("c", 2),)), (TensorType((2,)),), TensorType((4,))) is None


def bytes_of(v: Image, images: int, halo: int = 0) -> Any:
    """Where each number lies: [image, channel, depth, row, column]; with `halo`, that of the border too."""
    edges = [h if halo else 0 for h in v.halo]
    i, c, d, h, w = np.ix_(range(images), range(v.channels), *(range(-e, n + e) for n, e in zip(v.extents, edges)))
    return (v.plus + i * v.image + c // v.lanes * v.block + c % v.lanes * v.item + (d + v.halo[0]) * v.plane
            + (h + v.halo[1]) * v.row + (w + v.halo[2]) * v.pixel)


def test_a_layout_that_is_another_holds_the_same_numbers() -> None:
    found = 0
    for seed in range(2000):
        r = random.Random(seed)
        f, extents, tx, ty = drawn(r)
        m = move_of(f, (tx,), ty)
        if m is None or len(tx.shape) > 4 or len(ty.shape) > 4 or prod(m.extents) != m.images[0] * ty.size:
            continue  # of no other move is one asked for: what is not written would have to be zero
        lanes, spatial = r.choice([1, 2, 4]), tuple(int(s or 0) for s in tx.shape[1:])
        halo = tuple(r.choice([0, 0, 1, 2]) for _ in spatial)
        layout = replace(blocked(int(tx.shape[0] or 0), spatial, halo, lanes, ITEM, tx.batch), plus=r.choice([0, 64]))
        wanted = r.choice([(0, 0, 0), (0, 0, 0), (0, 1, 1), (0, 0, 1)])
        to, source = f.target, f.reads[0]
        v = alias(to, source, extents, layout, ty, wanted)
        if v is None:
            continue
        found += 1
        said = f"seed {seed}: {f}  {tx} -> {ty}  {layout}"
        assert all(have >= want for have, want in zip(v.halo, wanted)), said
        assert (v.channels, v.images, v.lanes, v.item) == (ty.shape[0], ty.batch, lanes, ITEM), said
        assert v.extents == (*(1,) * (4 - len(ty.shape)), *ty.shape[1:]), said
        names = ["n", *extents]
        grid = np.meshgrid(*(range({**extents, "n": SAMPLES}[i]) for i in names), indexing="ij")

        def at(a: Access, v: Image, grid: Any = grid, names: Any = names) -> Any:
            where = bytes_of(v, SAMPLES * v.images)
            number = [sum((k * grid[names.index(i)] for i, k in x.terms), np.array(x.const)) for x in a.axes]
            number[2:2] = [np.array(0)] * (5 - len(number))
            return where[tuple(np.broadcast_arrays(*number, grid[0])[:5])]

        np.testing.assert_array_equal(at(to, v), at(source, layout), err_msg=said)
        # what stands around it, and in the lanes past its last channel, is zero around the source as well
        numbers, mine = set(bytes_of(layout, SAMPLES * layout.images).ravel()), set(bytes_of(v, SAMPLES * v.images).ravel())
        around = set(bytes_of(v, SAMPLES * v.images, halo=1).ravel()) - mine
        past = replace(v, channels=-(-v.channels // lanes) * lanes)
        around |= set(bytes_of(past, SAMPLES * v.images).ravel()) - mine
        assert not around & numbers, said
        assert around <= set(range(-8, SAMPLES * layout.image * layout.images + layout.plus)), said
    assert found > 100


def test_places_that_are_the_same_axis_of_both() -> None:
    f = Formula("y[n,c,h,w] = x[n,c+4,h,w+1]")
    assert common_places(f.target, f.reads[0], {"c": 4, "h": 3, "w": 2}) == (True, True, False)
    f = Formula("y[n,c,w,h] = x[n,c,h,w]")
    assert common_places(f.target, f.reads[0], {"c": 4, "h": 3, "w": 2}) == (True, False, False)
    assert common_places(f.target, f.reads[0], {"c": 4, "h": 1, "w": 2}) == (True, False, False)
    assert common_places(f.target, f.reads[0], {"c": 4, "h": 1, "w": 1}) == (True, True, True)
    f = Formula("y[n,c,h+1] = x[n,c,h+1]")
    assert common_places(f.target, f.reads[0], {"c": 4, "h": 3}) == (True, True, False)
    f = Formula("y[n,c,h] = x[n,c,h+1]")
    assert common_places(f.target, f.reads[0], {"c": 4, "h": 3}) == (True, True, False)


def test_a_part_of_a_plane_has_not_the_halo_of_the_whole() -> None:
    """Beside the part lie numbers of the whole, where a halo has zeros."""
    f, extents = Formula("y[n,c,h,w] = x[n,c+4,h+0,w+0]"), {"c": 4, "h": 3, "w": 3}
    layout = blocked(8, (5, 5), (1, 1), 4, ITEM)
    assert alias(f.target, f.reads[0], extents, layout, TensorType((4, 3, 3)), (0, 1, 1)) is None
    v = alias(f.target, f.reads[0], extents, layout, TensorType((4, 3, 3)), (0, 0, 0))
    assert v is not None
    assert (v.halo, v.extents) == ((0, 0, 0), (1, 3, 3))
    whole = alias(f.target, f.reads[0], {"c": 4, "h": 5, "w": 5}, layout, TensorType((4, 5, 5)), (0, 1, 1))
    assert whole is not None
    assert whole.halo == (0, 1, 1)
