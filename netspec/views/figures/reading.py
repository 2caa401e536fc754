"""A graph as a picture: which layers are volumes, which are closed to a box, and what goes over or leaves beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...ir.graph import Graph, Input, Node
from .volumes import Arc, Head, Inflow, Kind, Over, Part, Picture, Unit, Volume, dilation, sized, times
from .ways import Side, Ways, common_scope, is_merge, main_output, multiplies, places, works

LONGEST = 9  # a block has at most so many layers that learn on its main way; what goes round more is an arc
BEFORE = 4  # so many of them may stand before the fork of a closed block, in its scope
GROWS = 3  # so many concats in a row that keep what was there are one dense block


def read(graph: Graph) -> Picture:
    """The picture of a network, nothing folded."""
    return _Reading(graph, graph.nodes, main_output(graph)).picture()


@dataclass
class _Closed:
    """A stretch of the main way that is one box, from `first` to `last`, with all that hangs at it."""

    first: int
    last: int
    joins: list[Node]
    sides: list[Side]
    dense: bool = False


class _Reading:
    def __init__(self, graph: Graph, nodes: Sequence[Node], end: Node):
        self.graph, self.ways = graph, Ways(graph, nodes, end)
        self.main = self.ways.main
        self.closed: list[_Closed] = []
        self.blocks: list[tuple[int, int, Over, Side]] = []
        self.gates: list[tuple[int, Side]] = []
        self.far: list[Side] = []
        near: dict[int, list[Side]] = {}
        for side in self.ways.sides:
            joins = {j for j, _ in side.ends}
            if len(joins) == 1 and not side.outputs and not side.inputs and side.starts:
                near.setdefault(joins.pop(), []).append(side)
            else:
                self.far.append(side)
        begins = {j: min(s.starts[0] for s in sides) for j, sides in near.items()}
        for j, sides in sorted(near.items()):
            inside = [self.main[k] for k, i in begins.items() if begins[j] <= i and k < j]
            if self.repeats(self.main[j], inside):
                self.far += sides
            else:
                self.join(j, self.main[j], sides)
        self.dense()
        self.settle()

    def join(self, j: int, n: Node, sides: list[Side]) -> None:
        """What the region of a join is: gates, a block with something over it, a closed box, or arcs over much."""
        if all(s.works and self.ways.weighs(n, k) for s in sides for at, k in s.ends if at == j):
            self.gates += [(s.starts[0], s) for s in sides]
            return
        self.far += [s for s in sides if self.goes_far(s.starts[0], j)]
        sides = [s for s in sides if not self.goes_far(s.starts[0], j)]
        if not sides:
            return
        i = min(s.starts[0] for s in sides)
        inside = self.main[i + 1:j + 1]
        beside = [w for s in sides for w in s.works]
        alone = len(sides) == 1 and len(beside) == 1 and len(sides[0].starts) == 1
        if not beside or (alone and not multiplies(n) and (not gathers(n) or sum(map(works, inside)) > 1)):
            self.blocks.append((i + 1, j, "copy" if gathers(n) else "shortcut" if beside else "add", sides[0]))
        else:
            self.closed.append(_Closed(self.opening(i, inside, sides), j, [n], sides))

    def repeats(self, n: Node, inside: Sequence[Node]) -> bool:
        """Whether a sum is that of a block that contains itself, as a tree does: what goes round its inner one is seen too."""
        called = _block(n)
        return not gathers(n) and not multiplies(n) and bool(called) and any(
            _block(m) == called and m.name.rpartition(".")[0].startswith(n.name.rpartition(".")[0] + ".") for m in inside)

    def goes_far(self, i: int, j: int) -> bool:
        """Whether what leads from here to there goes round more than a block."""
        return sum(map(works, self.main[i + 1:j + 1])) > LONGEST or self.hourglass(i, j)

    def hourglass(self, i: int, j: int) -> bool:
        """Whether it goes down to fewer places and up again."""
        inside = [p for p in map(places, self.main[i + 1:j]) if p is not None]
        ends = [p for p in (places(self.main[i]), places(self.main[j])) if p is not None]
        return bool(inside) and len(ends) == 2 and min(inside) < min(ends)

    def opening(self, i: int, inside: Sequence[Node], sides: Sequence[Side]) -> int:
        """Where a closed box begins: after the fork, or with what stands before it in the same scope."""
        scope = common_scope([n.name for n in (*inside, *(n for s in sides for n in s.nodes))])
        first = i + 1
        if scope:
            while first > 1 and self.main[first - 1].name.startswith(scope + "."):
                first -= 1
            if sum(map(works, self.main[first:i + 1])) > BEFORE:
                first = i + 1
        return first

    def dense(self) -> None:
        """Runs of concats that add to what was there become one box."""
        run: list[tuple[int, int, Over, Side]] = []
        for block in [*self.blocks, None]:
            if block is not None and block[2] == "copy" and (not run or self.follows(run[-1][1], block[0])):
                run.append(block)
                continue
            if len(run) >= GROWS:
                joins, sides = [self.main[b[1]] for b in run], [b[3] for b in run]
                self.closed.append(_Closed(run[0][0], run[-1][1], joins, sides, dense=True))
                self.blocks = [b for b in self.blocks if b not in run]
            run = [block] if block is not None and block[2] == "copy" else []

    def follows(self, end: int, first: int) -> bool:
        return first > end and not any(_volume_kind(n, self.main[end + k]) for k, n in enumerate(self.main[end + 1:first]))

    def settle(self) -> None:
        """Boxes that meet are one; blocks within a box are not drawn."""
        boxes: list[_Closed] = []
        for c in sorted(self.closed, key=lambda c: c.first):
            if boxes and c.first <= boxes[-1].last:
                last = boxes[-1]
                boxes[-1] = _Closed(last.first, max(last.last, c.last), c.joins if c.last > last.last else last.joins,
                                    last.sides + c.sides, last.dense or c.dense)
            else:
                boxes.append(c)
        self.closed = boxes
        for i, j, _, side in self.blocks:
            if (box := self.box(i, j)) is not None:
                box.sides.append(side)
        self.blocks = [b for b in self.blocks if self.box(b[0], b[1]) is None]
        for at, side in self.gates:
            if (box := self.box(at, at)) is not None:
                box.sides.append(side)
        self.gates = [g for g in self.gates if self.box(g[0], g[0]) is None]

    def box(self, i: int, j: int) -> _Closed | None:
        """The box that a stretch of the main way meets, unless it lies within the stretch."""
        return next((c for c in self.closed if c.first <= j and i <= c.last and not i <= c.first <= c.last <= j), None)

    def picture(self) -> Picture:
        self.volumes: list[Volume] = []
        self.at: list[int] = []  # of each node of the main way: its volume
        box = {k: c for c in self.closed for k in range(c.first, c.last + 1)}
        for k, n in enumerate(self.main):
            if k in box:
                if k == box[k].first:
                    self.volumes.append(self.boxed(box[k]))
            else:
                kind = _volume_kind(n, self.main[k - 1] if k else None)
                if kind or not self.volumes:
                    v = self.volume(kind or "input", n, k)
                    before = self.volumes.pop() if kind == "concat" and self.volumes[-1].kind == "up" else None
                    if before is not None:  # what is made larger to be concatenated is a slice
                        v = replace(v, nodes=(n, *before.nodes), window=before.window, stride=before.stride, word=before.word)
                    self.volumes.append(v)
                elif works(n):
                    raise AssertionError(f"{n.name} is drawn nowhere")
            self.at.append(len(self.volumes) - 1)
        for at, side in self.gates:
            v = self.volumes[self.at[at]]
            self.volumes[self.at[at]] = replace(v, nodes=(*v.nodes, *side.works), notes=(*v.notes, f"gate {_chain(side.works)}"))
        self.stands = {n.name: self.at[k] for k, n in enumerate(self.main)}
        for side in self.ways.sides:
            for n in side.nodes:
                self.stands[n.name] = self.at[max((j for j, _ in side.ends), default=max(side.starts, default=0))]
        blocks = [u for u in map(self.unit, self.blocks) if u]
        heads = self.leaving()
        arcs: list[Arc] = []
        inflows: list[Inflow] = []
        for side in self.far:
            if side.inputs:
                inflows += self.inflow(side)
            elif side.outputs or not side.ends:
                heads.append(self.head(side))
            else:
                arcs += self.over(side)
        names = [name for name, v in self.graph.outputs if self.graph.maker[v] is self.ways.end]
        if len(self.graph.outputs) > 1 and names:
            self.volumes[-1] = replace(self.volumes[-1], notes=(*self.volumes[-1].notes, ", ".join(names)))
        arcs += self.undone()
        found, within = units(self.volumes, blocks)
        return Picture(tuple(self.volumes), found, (*arcs, *within), tuple(heads), tuple(inflows))

    def volume(self, kind: Kind, n: Node, k: int) -> Volume:
        op: Any = n.op
        slices: tuple[tuple[int, Part], ...] = ()
        if kind == "concat":
            slices = tuple((s.type.channels or 1, self.part(s)) for s in self.ways.sources[n.name])
        window, stride = windows(n, self.main[k - 1] if k else None), getattr(op, "stride", None)
        groups = int(getattr(op, "groups", 1))
        rank = len(n.type.spatial)
        steps = () if stride is None else (stride,) * rank if isinstance(stride, int) else tuple(stride)
        depthwise = groups > 1 and bool(k) and groups == self.main[k - 1].type.channels
        word = n.name if isinstance(op, Input) else str(op).replace("=", " ") if is_merge(n) and not gathers(n) else str(
            getattr(op, "name", op))
        notes = tuple(f"weights of {name}" for name in shared(n))
        after = self.main[k + 1] if k + 1 < len(self.main) else n
        value = after.type if kind == "input" and after.type.batch > n.type.batch else n.type  # several images in one input
        return Volume(kind, (n,), value.shape, value.batch, window, steps, groups, depthwise, (dilation(op),), word, slices,
                      notes=notes)

    def part(self, n: Node) -> Part:
        """How a slice of a concat looks: as what made it, where that stands right before; else as carried over."""
        while n.name in self.ways.sources and len(self.ways.sources[n.name]) == 1:
            before = self.ways.sources[n.name][0]
            kind = _volume_kind(n, before)
            place = self.ways.place.get(n.name, len(self.at))
            if place < len(self.at) - 1 and self.at[place] < len(self.volumes) - 1:
                break
            if kind in ("conv", "up", "pool"):
                return "up" if kind == "up" else "pool" if kind == "pool" else "conv"
            n = before
        return "copy"

    def boxed(self, c: _Closed) -> Volume:
        nodes = [n for n in self.main[c.first:c.last + 1] if works(n)] + [w for s in c.sides for w in s.works]
        inside = [*self.main[c.first:c.last + 1], *(n for s in c.sides for n in s.nodes)]
        others = [n for n in inside if n.parameters and not works(n)]
        end, start = self.main[c.last], self.main[c.first - 1]
        scope = common_scope([n.name for n in inside])
        word = scope.rpartition(".")[2]
        slices: tuple[tuple[int, Part], ...] = ()
        repeat = 1
        if c.dense and len(c.joins) >= GROWS:
            inner = [n for n in self.main[c.first:self.main.index(c.joins[0]) + 1] if works(n)]
            grown, base = end.type.channels or 1, start.type.channels or 1
            repeat = len(c.joins)
            if grown > base and (grown - base) % repeat == 0:
                slices = ((base, "copy"), *(((grown - base) // repeat, "b3") for _ in range(repeat)))
            word = "[" + ", ".join(_does(n) for n in inner) + "]"
        elif gathers(c.joins[-1]) and c.joins[-1] is end:
            slices = tuple((s.type.channels or 1, self.branch(s, c)) for s in self.ways.sources[end.name])
        if multiplies(c.joins[-1]):
            word = f"gated {_does(nodes[0]).partition(' dilation ')[0]}"  # turns differ in it
        word = word or self.branches(c)
        first, last = places(start), places(end)
        rank = max(1, len(end.type.spatial))
        step = round((first / last) ** (1 / rank)) if first and last else 1
        return Volume("closed", (*nodes, *others) or (end,), end.type.shape, end.type.batch, stride=(max(1, step),), word=word,
                      slices=slices, times=repeat, dilations=(dilation(nodes[0].op),) if multiplies(c.joins[-1]) else ())

    def branches(self, c: _Closed) -> str:
        """What the branches of a box without a name are: `2 × [5 × 7×7, 2 × 1×1]` where all are alike."""
        ways = [_chain(s.works) for s in c.sides if s.works] + [_chain([n for n in self.main[c.first:c.last + 1] if works(n)])]
        return f"{len(ways)} × [{ways[0]}]" if len(set(ways)) == 1 else f"{1 + len(c.sides)} branches"

    def branch(self, n: Node, c: _Closed) -> Part:
        """How the slice of a branch looks: by its largest window, by its being split, as one of pooling, or as carried over."""
        inside = {m.name for m in self.main[c.first:c.last + 1]} | {m.name for s in c.sides for m in s.nodes}
        widest, split, pooled = 0, False, False
        while n.name in inside:
            if works(n):
                widest = max(widest, *windows(n, None), 1)
                split |= len(set(windows(n, None))) > 1  # 3×1, 1×3
            pooled |= getattr(n.op, "category", "") == "pooling"
            sources = self.ways.sources[n.name]
            if not sources:
                break
            n = max(sources, key=lambda s: self.ways.depth[s.name])
        if pooled:
            return "bp"
        if split:
            return "bs"
        return "copy" if not widest else "b1" if widest == 1 else "b3" if widest <= 3 else "b5"

    def unit(self, block: tuple[int, int, Over, Side]) -> Unit | None:
        i, j, over, side = block
        first, last = self.at[i - 1] + 1, self.at[j]
        if last < first:
            return None
        pools = [n for n in side.nodes if getattr(n.op, "category", "") == "pooling" and not getattr(n.op, "enlarges", False)]
        said = _chain(side.works) or (f"pool {_chain(pools)}" if pools else "")
        known = {n.name for v in self.volumes[first:last + 1] for n in v.nodes}
        more = [n for n in (*side.nodes, *self.main[i:j + 1]) if (works(n) or n.parameters) and n.name not in known]
        self.volumes[last] = replace(self.volumes[last], nodes=(*self.volumes[last].nodes, *more))
        return Unit(first, last, over, said)

    def over(self, side: Side) -> list[Arc]:
        j = max(at for at, _ in side.ends)
        join = self.main[j]
        kind: Over = "copy" if gathers(join) else "shortcut" if side.works else "add"
        label = _chain(side.works)
        if sum(len(self.ways.sources[n.name]) > 1 for n in side.nodes):  # no chain
            label = f"{common_scope([n.name for n in side.nodes]).rpartition('.')[2]}: {label}".removeprefix(": ")
        starts = {self.at[s]: s for s in side.starts}
        if len(starts) > 1:
            label = f"{len(side.works)} × {_does(side.works[0])}, summed" if side.works else label
        arcs = [Arc(s, self.at[j], kind, label if k == 0 else "", side.works if k == 0 else ()) for k, s in enumerate(starts)]
        return [a for a in arcs if a.source < a.target or a.nodes]

    def undone(self) -> list[Arc]:
        """Arcs from a max-pooling to what puts its numbers back."""
        found = []
        for n in self.ways.nodes:
            if getattr(n.op, "refers", "") == "places":
                pool = next((m for m in self.graph.readers[n.inputs[1]] if m.op == getattr(n.op, "of", None)), None)
                if pool is not None and pool.name in self.stands:
                    found.append(Arc(self.stands[pool.name], self.stands[n.name], "places"))
        return found

    def head(self, side: Side) -> Head:
        end = next((n for n in reversed(side.nodes) if self.graph.public.get(side.outputs[-1]) in {r.name for r in n.results}),
                   side.nodes[-1]) if side.outputs else side.nodes[-1]
        source = self.at[side.starts[-1]] if side.starts else 0
        many = len({self.at[k] for k in side.starts})
        label = _chain(side.works) + (f", from {many} places" if many > 1 else "")
        return Head(source, side.outputs or ("unused",), sized(end.type.shape), label, side.works)

    def leaving(self) -> list[Head]:
        """Outputs on the main way."""
        public: dict[str, list[str]] = {}
        for name, v in self.graph.outputs:
            public.setdefault(self.graph.maker[v].name, []).append(name)
        return [Head(self.at[k], tuple(public[n.name]), sized(n.type.shape), "") for k, n in enumerate(self.main)
                if n.name in public and n is not self.ways.end]

    def inflow(self, side: Side) -> list[Inflow]:
        found = []
        for j, k in side.ends:
            end = self.ways.sources[self.main[j].name][k]
            join = str(getattr(self.main[j].op, "name", ""))
            scope, _, name = self.main[j].name.rpartition(".")
            if name.rstrip("0123456789") == join:  # nobody has named it; the step it is part of may have a name
                name = scope.rpartition(".")[2]
            found.append(Inflow(_Reading(self.graph, side.nodes, end).picture(), self.at[j], join, name))
        return found[:1]


def units(volumes: Sequence[Volume], blocks: Sequence[Unit]) -> tuple[tuple[Unit, ...], tuple[Arc, ...]]:
    """All volumes in units: what something goes round, then what one call of the text made, else each by itself. Of blocks that
    lie in one another, or that meet, the longest is a unit; what goes round the others are arcs."""
    taken: dict[int, Unit] = {}
    within: list[Arc] = []
    for u in sorted(blocks, key=lambda u: u.first - u.last):
        if not taken.keys().isdisjoint(range(u.first, u.last + 1)):
            within += [Arc(u.first - 1, u.last, u.over, u.shortcut)] if u.over and u.first else []
        else:
            taken |= dict.fromkeys(range(u.first, u.last + 1), u)
    found: list[Unit] = []
    k = 0
    while k < len(volumes):
        end = k + 1
        if k in taken:
            end = taken[k].last + 1
            found.append(taken[k])
        else:
            scope = _scope(volumes[k])
            while scope and end < len(volumes) and end not in taken and _scope(volumes[end]) == scope:
                end += 1
            found.append(Unit(k, end - 1))
        k = end
    return tuple(found), tuple(within)


def _scope(v: Volume) -> str:
    return v.nodes[0].name.rpartition(".")[0] if v.kind in ("conv", "up", "concat") else ""


def _block(n: Node) -> str:
    """The block that a node is made in, without its number."""
    return n.name.rpartition(".")[0].rpartition(".")[2].rstrip("0123456789")


def gathers(n: Node) -> bool:
    return bool(getattr(n.op, "gathers", False))


def pools(n: Node, before: Node) -> bool:
    """Whether it takes the largest or the mean over the images, or the channels, of the one value it reads."""
    return is_merge(n) and len(n.inputs) == 1 and (n.type.shape, n.type.batch) != (before.type.shape, before.type.batch)


def _volume_kind(n: Node, before: Node | None) -> Kind | None:
    """What a node on the main way is drawn as; None: nothing of its own."""
    category = getattr(n.op, "category", "")
    if isinstance(n.op, Input):
        return "input"
    if category == "dense":
        return "fc"
    if category in ("convolution", "pooling"):
        return "up" if getattr(n.op, "enlarges", False) else "conv" if category == "convolution" else "pool"
    if gathers(n):
        return "concat"
    if before is not None and pools(n, before):
        return "pool"
    if before is not None and n.type.spatial and not before.type.spatial and not is_merge(n) and places(n) != 1:
        return "move"  # a vector that becomes a picture
    if before is not None and len(n.type.spatial) == len(before.type.spatial) and not is_merge(n):
        now, was = places(n), places(before)
        turned = sorted(n.type.shape, key=str) == sorted(before.type.shape, key=str)
        grows = all((a or 1) >= (b or 1) for a, b in zip(n.type.spatial, before.type.spatial))
        if now and was and now >= 1.9 * was and grows and not turned:
            return "up"
        if now and was and now * 1.9 <= was and (n.type.channels or 0) > (before.type.channels or 0):
            return "move"
    return None


def windows(n: Node, before: Node | None) -> tuple[int, ...]:
    """The window of a node, an axis each; of one without a window of its own, what it looks over."""
    op: Any = n.op
    if getattr(op, "whole", False):
        return () if before is None else tuple(s or 1 for s in before.type.spatial)
    if getattr(op, "to", None) is not None:
        return ()
    w = getattr(getattr(op, "of", None) or op, "window", None)
    rank = len(n.type.spatial)
    return (w,) * rank if isinstance(w, int) else tuple(w) if isinstance(w, tuple | list) else ()


def shared(n: Node) -> list[str]:
    """The steps whose weights it uses again."""
    return list(dict.fromkeys(p.name.rpartition(".")[0] for p in n.parameters if not p.name.startswith(n.name + ".")))


def _does(n: Node) -> str:
    """`3×3`, `fc 128`, `dw 3×3`: a layer in few letters."""
    op: Any = n.op
    if getattr(op, "category", "") == "dense":
        return f"fc {n.type.channels}"
    groups = int(getattr(op, "groups", 1))
    window, apart = times(windows(n, None)) or str(getattr(op, "name", op)), dilation(op)
    return ("dw " if 1 < groups == n.type.channels else "") + window + (f" dilation {apart}" if apart != "1" else "")


def _chain(nodes: Sequence[Node]) -> str:
    """`1×1, fc 128, fc 10`, equal neighbours counted."""
    said: list[list[Any]] = []
    for n in nodes:
        text = _does(n)
        if said and said[-1][0] == text:
            said[-1][1] += 1
        else:
            said.append([text, 1])
    return ", ".join(text if many == 1 else f"{many} × {text}" for text, many in said)
