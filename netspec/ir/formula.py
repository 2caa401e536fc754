"""Index formulas: the one primitive of a lowered program.

    y[n,o,p,q] += x[n,c,2*p+u-1,2*q+v-1] * w[o,c,u,v]

An index on the left is an axis of the result; the others are reduced (`+=` sums, `max=` takes the largest). An update
happens only where every read is inside its tensor, which is what zero padding means. A formula may also write at a
compound place (`dx[n,c,2*p+u,2*q+v] += ...`); what is not written is zero. `y[...], i[...] max= x[...]` also gives the
place of the (first) largest, as the row-major number of the reduced indices.

Names inside are local: a `Node` binds `operands` to its inputs and `targets` to its results. A name that is not
subscripted is an index, or `N`, the number of samples of this run. Constants are literals, so equal texts mean equal
kernels. Notation after Vasilache et al., "Tensor Comprehensions", 2018 (arXiv:1802.04730).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .expressions import with_leaves
from .operation import Operation
from .types import TensorType


@dataclass(frozen=True, slots=True)
class Axis:
    """One subscript as an affine map: the sum of coefficient * index, plus a constant.

    `part`, written `c+0`, says that the index runs over a part of the axis: it gives no extent and is never bare.
    """

    terms: tuple[tuple[str, int], ...]
    const: int = 0
    part: bool = False

    @classmethod
    def of(cls, index: str) -> Axis:
        """The subscript that is an index and no more."""
        return cls(((index, 1),))

    @property
    def bare(self) -> str | None:
        """The index, where the subscript is just that."""
        return self.terms[0][0] if len(self.terms) == 1 and self.terms[0][1] == 1 and self.const == 0 and not self.part else None

    def coefficient(self, index: str) -> int:
        return dict(self.terms).get(index, 0)


@dataclass(frozen=True)
class Access:
    """One read or write: a local name and its subscripts."""

    name: str
    axes: tuple[Axis, ...]

    @cached_property
    def indices(self) -> tuple[str, ...]:
        """Every index in order of appearance, once."""
        return tuple(dict.fromkeys(i for a in self.axes for i, _ in a.terms))

    @cached_property
    def bare(self) -> tuple[str | None, ...]:
        return tuple(a.bare for a in self.axes)

    @property
    def compound(self) -> bool:
        return None in self.bare or self.diagonal

    @cached_property
    def diagonal(self) -> bool:
        """Whether an index stands in two subscripts, as in x[c,c]."""
        every = [i for a in self.axes for i, _ in a.terms]
        return len(set(every)) < len(every)

    @cached_property
    def tree(self) -> ast.expr:
        """The read as a part of an expression. It is shared: never change it in place."""
        return ast.parse(str(self), mode="eval").body

    @classmethod
    def at(cls, name: str, *indices: str) -> Access:
        """A value at these indices, an axis each."""
        return cls(name, tuple(map(Axis.of, indices)))

    def called(self, name: str) -> Access:
        """The same places of another value."""
        return Access(name, self.axes)

    def __str__(self) -> str:
        return f"{self.name}[{','.join(map(axis_text, self.axes))}]"


def axis_text(a: Axis) -> str:
    out = ""
    for i, c in a.terms:
        sign, size = ("-" if c < 0 else "+" if out else ""), abs(c)
        out += f"{sign}{i}" if size == 1 else f"{sign}{size}*{i}"
    if a.const or a.part or not out:
        out += f"{a.const:+d}" if out else str(a.const)
    return out


def spell(a: Axis, names: Mapping[str, str]) -> str:
    """A subscript with the caller's names for indices."""
    return axis_text(Axis(tuple((names.get(i, i), c) for i, c in a.terms), a.const))


def in_bounds(axes: Iterable[tuple[Axis, int | None]], extents: dict[str, int], names: Mapping[str, str],
              size: Callable[[int], str]) -> list[str]:
    """Conditions that keep subscripts within their axes' sizes; those that always hold are left out. `size` spells one."""
    out: dict[str, None] = {}
    for a, extent in axes:
        if a.bare:
            continue
        low = a.const + sum(min(0, k * (extents[i] - 1)) for i, k in a.terms)
        high = a.const + sum(max(0, k * (extents[i] - 1)) for i, k in a.terms)
        if low < 0:
            out[f"{spell(a, names)} >= 0"] = None
        if extent is not None and high >= extent:
            out[f"{spell(a, names)} < {size(extent)}"] = None
    return list(out)


@dataclass(frozen=True, slots=True)
class Random:
    """A call of `random(key[0], index, first[0], example)`: the uniform number of a key and of `index` + `first` * `example`.
    `first` says how many examples of a call came before this batch, and an example has so many numbers."""

    key: str  # operands
    index: Axis
    first: str
    example: int


def random_of(x: ast.Call) -> Random:
    match x.args:
        case [ast.Subscript(ast.Name(key)), index, ast.Subscript(ast.Name(first)), ast.Constant(int() as example)]:
            return Random(key, affine(index), first, example)
    raise ValueError(f"not a random number of the formula language: {ast.unparse(x)}")


def affine(e: ast.expr) -> Axis:
    """A subscript as an affine map. Raises ValueError where it is none."""
    match e:
        case ast.Name(i):
            return Axis.of(i)
        case ast.Constant(int(c)):
            return Axis((), c)
        case ast.UnaryOp(ast.USub(), x):
            a = affine(x)
            return Axis(tuple((i, -c) for i, c in a.terms), -a.const)
        case ast.BinOp(left, ast.Add(), ast.Constant(0)):
            a = affine(left)
            return Axis(a.terms, a.const, True)
        case ast.BinOp(left, (ast.Add() | ast.Sub()) as op, right):
            a, b, k = affine(left), affine(right), 1 if isinstance(op, ast.Add) else -1
            terms = dict(a.terms)
            for i, c in b.terms:
                terms[i] = terms.get(i, 0) + k * c
            return Axis(tuple((i, c) for i, c in terms.items() if c), a.const + k * b.const, a.part)
        case ast.BinOp(left, ast.Mult(), right):
            a, b = affine(left), affine(right)
            if b.terms:
                a, b = b, a
            if b.terms:
                raise ValueError(f"not affine: {ast.unparse(e)}")
            return Axis(tuple((i, c * b.const) for i, c in a.terms if c * b.const), a.const * b.const)
    raise ValueError(f"not affine: {ast.unparse(e)}")


def access(s: ast.Subscript) -> Access:
    assert isinstance(s.value, ast.Name)
    axes = s.slice.elts if isinstance(s.slice, ast.Tuple) else [s.slice]
    return Access(s.value.id, tuple(map(affine, axes)))


def written(e: ast.expr) -> str:
    """An expression as formulas are written: brackets only where what is done first needs them."""
    return ast.unparse(with_leaves(e, lambda x: ast.Name(str(access(x))) if isinstance(x, ast.Subscript) else x))


class _Said:
    """What the text of a formula says, found once however many formulas have it: `Formula` tells what each of it is."""

    def __init__(self, text: str):
        self.text = text
        m = re.match(r"\s*(.+?)\s*(\+=|max=|=)(?!=)\s*(.+)$", text)
        assert m, f"not a formula: {text}"
        left = ast.parse(m[1], mode="eval").body
        lefts = left.elts if isinstance(left, ast.Tuple) else [left]
        self.how = m[2]
        self.right_text = m[3].strip()
        self.right = ast.parse(m[3], mode="eval").body
        self.targets = tuple(access(t) for t in lefts if isinstance(t, ast.Subscript))
        subscripts = (n for n in ast.walk(self.right) if isinstance(n, ast.Subscript))
        self.subscripts = tuple(sorted(subscripts, key=lambda n: (n.lineno, n.col_offset)))
        self.reads = tuple(map(access, self.subscripts))
        self.operands = tuple(dict.fromkeys(r.name for r in self.reads))
        self.is_random = "random(" in text

    @cached_property
    def indices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(i for a in (self.targets[0], *self.reads) for i in a.indices))

    @cached_property
    def reduced(self) -> tuple[str, ...]:
        return tuple(i for i in self.indices if i not in self.targets[0].indices)

    @cached_property
    def diagonal(self) -> bool:
        return any(a.diagonal for a in (*self.targets, *self.reads))

    @cached_property
    def numbers(self) -> frozenset[str]:
        reads = {id(x) for s in self.subscripts for x in ast.walk(s)}
        called = {id(x.func) for x in ast.walk(self.right) if isinstance(x, ast.Call)}
        return frozenset(x.id for x in ast.walk(self.right) if isinstance(x, ast.Name) and id(x) not in reads
                         and id(x) not in called)

    @cached_property
    def is_product(self) -> bool:
        r = self.right
        return (self.how == "+=" and isinstance(r, ast.BinOp) and isinstance(r.op, ast.Mult)
                and isinstance(r.left, ast.Subscript) and isinstance(r.right, ast.Subscript))

    @cached_property
    def scaled(self) -> Access | None:
        t, r = self.targets[0], self.right
        if self.how != "=" or len(self.targets) > 1 or len(t.axes) < 2 or t.compound or not (
                isinstance(r, ast.BinOp) and isinstance(r.op, ast.Mult) and len(self.reads) == len(self.operands) == 2
                and isinstance(r.left, ast.Subscript) and isinstance(r.right, ast.Subscript)):
            return None
        a, b = self.reads
        return a if (a.axes, b.axes) == (t.axes, t.axes[:1]) else b if (b.axes, a.axes) == (t.axes, t.axes[:1]) else None

    @cached_property
    def adds_up(self) -> bool:
        r = self.right
        return self.how == "+=" and (isinstance(r, ast.Subscript)
                                     or (isinstance(r, ast.BinOp) and isinstance(r.op, ast.Mult | ast.Div)
                                         and isinstance(r.left, ast.Subscript)
                                                                      and not any(isinstance(x, ast.Subscript)
                                                                                  for x in ast.walk(r.right))))

    @cached_property
    def anonymous(self) -> str:
        return _renamed(self.text, {self.targets[0].name: "result"} | {o: f"x{k}" for k, o in enumerate(self.operands)})


_said = lru_cache(maxsize=65536)(_Said)


@dataclass(frozen=True)
class Formula(Operation):
    """A formula and the extents of those indices that no bare subscript gives."""

    text: str
    over: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return self.text + "".join(f"; {i} < {e}" for i, e in self.over)

    @property
    def targets(self) -> tuple[Access, ...]:
        return _said(self.text).targets

    @property
    def target(self) -> Access:
        return _said(self.text).targets[0]

    @property
    def how(self) -> str:
        """`=`, `+=` or `max=`."""
        return _said(self.text).how

    @property
    def right(self) -> ast.expr:
        """The right side as a syntax tree. It is shared: never change it in place."""
        return _said(self.text).right

    @property
    def subscripts(self) -> tuple[ast.Subscript, ...]:
        return _said(self.text).subscripts

    @property
    def reads(self) -> tuple[Access, ...]:
        """Every read, in the order written."""
        return _said(self.text).reads

    @property
    def operands(self) -> tuple[str, ...]:
        """Local names read, each once, in the order written: what a node's inputs are bound to."""
        return _said(self.text).operands

    @property
    def indices(self) -> tuple[str, ...]:
        return _said(self.text).indices

    @property
    def reduced(self) -> tuple[str, ...]:
        """Indices that appear only on the right."""
        return _said(self.text).reduced

    @property
    def diagonal(self) -> bool:
        """Whether any value is written or read along a diagonal."""
        return _said(self.text).diagonal

    @property
    def numbers(self) -> frozenset[str]:
        """Indices, and N, that stand as numbers in the expression."""
        return _said(self.text).numbers

    @property
    def is_random(self) -> bool:
        return _said(self.text).is_random

    @property
    def is_product(self) -> bool:
        """A sum of products of exactly two reads."""
        return _said(self.text).is_product

    @property
    def scaled(self) -> Access | None:
        """The read whose elements are each multiplied by a number for its place on the first axis: `w[o,c] = v[o,c] * k[o]`."""
        return _said(self.text).scaled

    @property
    def adds_up(self) -> bool:
        """A sum of one read, or of it times or by a number: parts of what it reads may be read one by one."""
        return _said(self.text).adds_up

    def extents(self, operands: tuple[TensorType, ...], results: tuple[TensorType, ...]) -> dict[str, int]:
        """The extent of every index but the batch's `n`. Raises ValueError naming an index two tensors disagree on.
        With no results given, the reads alone decide."""
        return dict(_extents(self, operands, results))

    def agrees(self, operands: tuple[TensorType, ...], results: tuple[TensorType, ...]) -> None:
        """Raises ValueError as `extents` does."""
        _extents(self, operands, results)

    def renamed(self, names: dict[str, str]) -> Formula:
        """The same formula with other local names."""
        return Formula(_renamed(self.text, names), self.over)

    @classmethod
    def of(cls, *targets: Access, right: ast.expr, how: str = "=", over: Iterable[tuple[str, int]] = ()) -> Formula:
        """The formula that writes an expression to some places."""
        return cls(f"{', '.join(map(str, targets))} {how} {written(right)}", tuple(over))

    def writing(self, *targets: Access, how: str = "") -> Formula:
        """The same right side under other targets, summed as before unless `how` says otherwise. Extents that no index asks for
        any more are left out."""
        text = f"{', '.join(map(str, targets))} {how or self.how} {_said(self.text).right_text}"
        used = _said(text).indices
        return Formula(text, tuple((i, e) for i, e in self.over if i in used))

    def reading(self, reads: Sequence[Access]) -> ast.expr:
        """The right side with other reads in the places of its own."""
        new = dict(zip(self.subscripts, reads, strict=True))
        return with_leaves(self.right, lambda x: new[x].tree if isinstance(x, ast.Subscript) else x)

    @property
    def anonymous(self) -> Formula:
        """The same formula with names that are the same for all that differ in nothing else: result[c] += x0[n,c]."""
        return _anonymous(self)


@lru_cache(maxsize=65536)
def _anonymous(f: Formula) -> Formula:
    return Formula(_said(f.text).anonymous, f.over)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b([A-Za-z_]\w*)(?=\[)", lambda m: names.get(m[1], m[1]), text)


@lru_cache(maxsize=65536)
def _extents(f: Formula, operands: tuple[TensorType, ...], results: tuple[TensorType, ...]) -> dict[str, int]:
    types = dict(zip(f.operands, operands, strict=True)) | dict(zip((t.name for t in f.targets), results))
    seen: dict[str, tuple[int, str]] = {i: (e, "the given extents") for i, e in f.over}
    for a in (*f.reads, *f.targets[:len(results)]):
        t = types[a.name]
        if len(a.axes) != t.rank:
            raise ValueError(f"`{a.name}` is {t}, and {f.text} reads {len(a.axes)} axes of it")
        for axis, extent in zip(a.axes[t.batch > 0:], t.shape):
            if axis.bare:
                assert extent is not None
                if seen.setdefault(axis.bare, (extent, a.name))[0] != extent:
                    have, where = seen[axis.bare]
                    raise ValueError(f"index `{axis.bare}` is {have} in `{where}` and {extent} in `{a.name}`: {f.text}")
    return {k: v for k, (v, _) in seen.items()}


@dataclass(frozen=True)
class Pieces(Operation):
    """Formulas that each write their own part of one result: concatenation. What no part writes is zero.

        y[n,c,h,w] = a[n,c,h,w]; y[n,c+3,h,w] = b[n,c,h,w]
    """

    parts: tuple[Formula, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.parts))

    @property
    def operands(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(o for p in self.parts for o in p.operands))

    @property
    def targets(self) -> tuple[Access, ...]:
        return self.parts[0].targets

    @property
    def text(self) -> str:
        return "; ".join(p.text for p in self.parts)

    def bind(self, inputs: tuple[str, ...]) -> list[tuple[Formula, tuple[str, ...]]]:
        """Each part with the inputs it reads."""
        names = dict(zip(self.operands, inputs, strict=True))
        return [(p, tuple(names[o] for o in p.operands)) for p in self.parts]

    def renamed(self, names: dict[str, str]) -> Pieces:
        return Pieces(tuple(p.renamed(names) for p in self.parts))
