"""The graph as nested sequences: walked back from the output along immediate dominators; at a merge, each branch by itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import networkx as nx

from ....layers.merges.add import Add
from ....layers.merges.concat import Concat
from ....layers.merges.mul import Mul
from ....layers.moves.up import Up
from ..meet import Layers, Piece, input_names, output_names
from .steps import epsilon, fused, step
from .term import NotSeries, Sequence, Term, over, steps

SOURCE = ""  # where the inputs come from when they are several


def tree(g: Layers, named: bool = True) -> tuple[Sequence, float]:
    """The body of the net, and the usual epsilon of its batch norms. Of several outputs the last is the end, unless others come
    from it: then that which most leads to; the others stand aside. Raises NotSeries."""
    walk = _Walk(g, named)
    names = dict(zip(output_names(g), (v for _, v in g.outputs)))
    end = list(names)[-1]
    if any(names[end] in walk.before(v) for w, v in names.items() if w != end):
        end = max(names, key=lambda w: len(walk.before(names[w])))
    walk.put_aside({w: v for w, v in names.items() if w != end}, names[end])
    body = walk.between(walk.source, names[end])
    if len(names) > 1:
        if walk.aside:
            raise NotSeries
        body.append(Term("output", (end,)))
    return body, walk.eps


class _Walk:
    def __init__(self, g: Layers, named: bool):
        self.g, self.eps = g, epsilon(g)
        self.pieces = {p.output: replace(p, inputs=list(p.inputs), path=_path(p) if named else "") for p in g.pieces}
        self.gates: set[str] = set()
        self.aside: dict[str, list[tuple[str, str]]] = {}  # the outputs that stand aside behind a value, with their names
        self._gates()
        self._nested()
        self.beside: dict[str, str] = {}  # the inputs of the net that a merge reads beside one value, as its line says them
        self.words = input_names(g) if len(g.inputs) > 1 else {}
        self._beside()
        self.like: dict[str, str] = {}  # what is brought to another value's size, and that value
        self.marks: dict[str, str] = {}  # values that lines name, with their names
        self._sized()
        self.graph: Any = nx.DiGraph()
        for p in self.pieces.values():
            self.graph.add_edges_from((i, p.output) for i in p.inputs)
        self.graph.add_edges_from((SOURCE, i) for i in self.words if i in self.graph)
        source = SOURCE if self.words else next(iter(g.inputs))
        if source not in self.graph or len(nx.descendants(self.graph, source)) + 1 < len(self.graph):
            raise NotSeries
        self.source, self.above = source, nx.immediate_dominators(self.graph, source)
        self.above.pop(source, None)
        if any(of not in g.inputs and of not in self.chain(v) for v, of in self.like.items()):
            raise NotSeries
        for v in self.pieces:
            if v in self.like.values():
                self.marks[v] = "size" if not self.marks else f"size_{len(self.marks) + 1}"

    def _gates(self) -> None:
        """A product of an image and what is spread over its places is a gate."""
        for p in list(self.pieces.values()):
            if isinstance(p.layer, Mul) and len(p.inputs) == 2:
                for k in (0, 1):
                    up = self.pieces.get(p.inputs[k])
                    if up is not None and isinstance(up.layer, Up) and up.layer.like and up.inputs[1] == p.inputs[1 - k]:
                        p.inputs = [p.inputs[1 - k], up.inputs[0]]
                        self.gates.add(p.output)
                        break
        read = {i for p in self.pieces.values() for i in p.inputs} | {v for _, v in self.g.outputs}
        for v in [v for v, p in self.pieces.items() if v not in read]:
            del self.pieces[v]
        if any(len(p.inputs) > 1 and not (isinstance(p.layer, Up) and p.layer.like) and (
                p.layer.category != "merge" or getattr(p.layer, "over", None)) for p in self.pieces.values()):
            raise NotSeries

    def _nested(self) -> None:
        """concat(a, b, c) = concat(concat(a, b), c), where concat(a, b) is there: DenseNet's."""
        known: dict[tuple[str, ...], str] = {}
        for p in self.pieces.values():
            if not isinstance(p.layer, Concat):
                continue
            flat = tuple(p.inputs)
            for k in range(len(flat) - 1, 1, -1):
                if flat[:k] in known:
                    p.inputs = [known[flat[:k]], *flat[k:]]
                    break
            known[flat] = p.output

    def _beside(self) -> None:
        """Of several inputs one that a merge reads as it is, is beside it: `concat @right`."""
        for p in self.pieces.values():
            if not self.words or len(p.inputs) < 2 or p.output in self.gates:
                continue
            flow = [i for i in p.inputs if i not in self.words] or p.inputs[:1]
            if len(flow) == 1 and (flow[0] == p.inputs[0] or not p.layer.in_order):
                others = [i for i in p.inputs if i != flow[0]]
                if len(others) + 1 == len(p.inputs):
                    self.beside[p.output] = "".join(f" @{self.words[i]}" for i in others)
                    p.inputs = flow

    def _sized(self) -> None:
        """What is brought to the size of another value reads one value, and names the other."""
        for p in self.pieces.values():
            if isinstance(p.layer, Up) and p.layer.like and len(p.inputs) == 2:
                self.like[p.output] = p.inputs[1]
                p.inputs = p.inputs[:1]

    def before(self, v: str) -> set[str]:
        """A value and all that lead to it."""
        return {v} | set(nx.ancestors(self.graph, v)) if v in self.graph else {v}

    def put_aside(self, outputs: dict[str, str], end: str) -> None:
        """Each other output stands behind the last value on its way that leads elsewhere, too, with what is its alone."""
        there = self.before(end)
        for word, v in sorted(outputs.items(), key=lambda o: -len(self.before(o[1]))):
            above = [a for a in self.chain(v) if a in there][-1]
            own = self.before(v) - self.before(above)
            if own & there:
                raise NotSeries
            there |= own
            self.aside.setdefault(above, []).append((word, v))

    def chain(self, v: str) -> list[str]:
        """A value and its dominators, from the input down."""
        out = [v]
        while out[-1] != self.source:
            out.append(self.above[out[-1]])
        return out[::-1]

    def common(self, p: Piece) -> str:
        """The last value that all inputs come from."""
        if p.output in self.above:
            return str(self.above[p.output])
        last: str = [a[0] for a in zip(*(self.chain(i) for i in p.inputs)) if len(set(a)) == 1][-1]
        return last

    def region(self, d: str, v: str) -> set[str]:
        """The values between a dominator and a value."""
        if v not in self.graph:
            return set().union(*(self.region(d, i) for i in self.pieces[v].inputs))
        return set(nx.descendants(self.graph, d) & (nx.ancestors(self.graph, v) | {v}))

    def channels(self, v: str) -> int | None:
        return None if v == SOURCE else self.g.inputs[v].channels if v in self.g.inputs else self.pieces[v].type.channels

    def between(self, start: str, end: str) -> Sequence:
        """The way from one value (not in it) to another (in it)."""
        out: Sequence = []
        v = end
        while v != start:
            out += self._outputs(v)
            if v in self.words:
                out.append(Term("start", (f"@{self.words[v]}",)))
                v = SOURCE
                continue
            p = self.pieces[v]
            if v in self.marks:
                out.append(Term("mark", (f"{self.marks[v]}: skip",)))
            if len(p.inputs) == 1:
                out.append(self._step(p))
                v = p.inputs[0]
                continue
            d = self.common(p)
            p = self._grouped(p, d)
            inner = [self.region(d, i) for i in p.inputs]
            if any(a & b for a, b in combinations(inner, 2)):
                raise NotSeries
            out.append(self._merge(p, [self.between(d, i) for i in p.inputs], self.channels(d)))
            v = d
        if start == self.source:
            out += self._outputs(start)
        return fused(out[::-1])

    def _step(self, p: Piece) -> Term:
        if p.output in self.like:
            of = self.like[p.output]
            said = str(replace(p.layer, like=self.marks.get(of) or input_names(self.g)[of]))
        elif p.output in self.beside:
            said = f"{p.layer}{self.beside[p.output]}"
        else:
            return step(p, self.channels(p.inputs[0]), self.eps)
        return Term("beside", (said,), cin=self.channels(p.inputs[0]), paths=frozenset({p.path} if p.path else ()))

    def _outputs(self, v: str) -> Sequence:
        """The outputs that stand aside behind a value, the last one first. Before all inputs they are ways of their own."""
        found = self.aside.pop(v, [])
        if v == SOURCE:
            return [t for word, w in found for t in (*self.between(v, w), Term("output", (word,)))][::-1]
        return [over("output", (word,), kids=[self.between(v, w)] if w != v else []) for word, w in found][::-1]

    def _grouped(self, p: Piece, d: str) -> Piece:
        """A concat is associative: neighbours that share a way are a concat of their own (Inception's fork)."""
        inner = [self.region(d, i) for i in p.inputs]
        groups = [[0]]
        for k in range(1, len(inner)):
            if any(inner[k] & inner[j] for j in groups[-1]):
                groups[-1].append(k)
            else:
                groups.append([k])
        if not isinstance(p.layer, Concat) or not 1 < len(groups) < len(inner):
            return p
        inputs = []
        for group in groups:
            some = [p.inputs[k] for k in group]
            if len(some) > 1:
                own = f"{p.output}:{group[0]}"
                t = p.type.of(sum(self.channels(i) or 0 for i in some), *p.type.spatial)
                self.pieces[own] = Piece(Concat(), some, own, t, path=p.path)
                some = [own]
            inputs += some
        return replace(p, inputs=inputs)

    def _merge(self, p: Piece, parts: list[Sequence], cin: int | None) -> Term:
        paths = frozenset({p.path} if p.path else ())
        if p.output in self.gates:
            if parts[0] or not parts[1]:
                raise NotSeries
            return over("gate", kids=[parts[1]], cin=cin, paths=paths)
        if isinstance(p.layer, Add) and len(parts) == 2:
            body, other = sorted(parts, key=lambda s: -len(list(steps(s)))) if [] not in parts else (max(parts, key=len), [])
            if body and (not other or (len(other) == 1 and other[0].kind == "step" and other[0].head[0] == "conv")):
                return over("residual", kids=[body], shortcut=other or None, cin=cin, paths=paths)
        if isinstance(p.layer, Concat) and len(parts) == 2 and not parts[0] and parts[1]:
            return over("dense", kids=[parts[1]], cin=cin, paths=paths)
        return over("merge", (p.layer.name, len(parts)), parts, cin=cin, paths=paths)


def _path(p: Piece) -> str:
    """The place in the program that wrote the file, as folders."""
    path = p.path.strip("/")
    return path if "/" in path else path.replace(".", "/")
