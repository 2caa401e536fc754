"""The graph as nested sequences, walked back from its outputs in the order of the file: what leads to one way of a merge alone
stands in it, and what is read from further above is named where it is made."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import reduce
from itertools import groupby, takewhile
from math import prod
from operator import and_
from typing import Any

from ....layers.merges.add import Add
from ....layers.merges.concat import Concat
from ....layers.merges.mul import Mul
from ....layers.moves.crop import Crop
from ....layers.moves.up import Up
from ....layers.pooling.unpool import Unpool
from ..meet import Layers, Piece, input_names, output_names
from .own import name_of, own_names
from .steps import fused, pool_of, step, step_of, usual_words
from .term import NotSeries, Sequence, Term, over, steps


def tree(g: Layers, named: bool = True, scoped: bool = False) -> tuple[Sequence, dict[str, Any]]:
    """The body of the net, and the layers that its words alone mean. Of several outputs that which most leads to is the end, the
    last one of those where there are several; the others stand aside. Raises NotSeries."""
    marks = set[str]()
    while True:  # what is named is known when all of it was walked through
        walk = _Walk(g, named, scoped, marks)
        body = walk.body()
        if walk.read <= marks:
            return body, walk.usual
        marks = marks | walk.read


class _Walk:
    """Sets of values are numbers: a bit for each value, in the order of the file."""

    def __init__(self, g: Layers, named: bool, scoped: bool, marks: set[str]):
        self.g, self.marks = g, marks
        self.own = own_names(g) if scoped else {}
        self.usual = usual_words(g, self.own)
        self.read = set[str]()  # values that lines name
        self.words = input_names(g) if len(g.inputs) > 1 else {}
        self.pieces = {p.output: replace(p, inputs=list(p.inputs), path=self._path(p) if named else "") for p in g.pieces}
        if named and not self.own:
            self._placed()
        self.gates = set[str]()
        self.aside: dict[str, list[tuple[str, str, int]]] = {}  # outputs that stand behind a value, and what is theirs
        self.flattened = set[str]()  # concatenations of which the first is one that is there
        if not self.own:
            self._flattened()
        self._gates()
        self._nested()
        if not self.own:
            self._forked()
        self.flows: dict[str, list[str]] = {}  # what a layer reads that may be a way of its own
        self.refs: dict[str, list[str]] = {}  # what its line can only name
        self.crops: dict[str, str] = {}  # merges that cut what they name to the size of the flow, and the cut value
        for p in self.pieces.values():
            self._reads(p)
        self._cut()
        self.bit = {v: 1 << k for k, v in enumerate([*g.inputs, *self.pieces])}
        self.value = {b: v for v, b in self.bit.items()}
        self.before = dict(self.bit)  # a value and all that lead to it
        for v in self.pieces:
            for i in self._inputs(v):
                self.before[v] |= self.before[i]
        self.readers = dict.fromkeys(self.bit, 0)
        self.inputs = sum(self.bit[v] for v in g.inputs)
        self.main = 0  # what leads to the end
        self.deep = self._deep()
        self.here = {p.output: name_of(p) for p in g.pieces} if self.own else {}
        self.scopes: dict[tuple[str, ...], int] = {}  # what is in them by the names of the file
        for v, name in self.here.items():
            for k in range(1, len(name)):
                self.scopes[name[:k]] = self.scopes.get(name[:k], 0) | self.bit.get(v, 0)

    def _path(self, p: Piece) -> str:
        """The place in the program that wrote the file, as folders."""
        if p.output in self.own:
            return "/".join(self.own[p.output])
        path = p.path.strip("/")
        return path if "/" in path else path.replace(".", "/")

    def _placed(self) -> None:
        """A node that an exporter put there itself, and of which it notes no place, stands where what it reads and its readers
        do."""
        readers: dict[str, list[str]] = {}
        for p in self.pieces.values():
            for i in p.inputs:
                readers.setdefault(i, []).append(p.path)
        for v, p in self.pieces.items():
            if p.path and "/" not in p.path and v in readers:
                near = [*(self.pieces[i].path for i in p.inputs if i in self.pieces), *readers[v]]
                around = [path.split("/")[:-1] for path in near]
                shared = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, zip(*around))]
                p.path = "/".join([*shared, p.path])

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

    def _flattened(self) -> None:
        """concat(concat(a, b), c) = concat(a, b, c), where nothing else reads what is inside."""
        read = Counter([*(i for p in self.pieces.values() for i in p.inputs), *(v for _, v in self.g.outputs)])
        for p in [p for p in self.pieces.values() if isinstance(p.layer, Concat)]:
            inner = {i for i in p.inputs if i in self.pieces and isinstance(self.pieces[i].layer, Concat) and read[i] == 1}
            p.inputs = [j for i in p.inputs for j in (self.pieces[i].inputs if i in inner else [i])]
            for i in inner:
                del self.pieces[i]

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
                    self.flattened.add(p.output)
                    break
            known[flat] = p.output

    def _forked(self) -> None:
        """A concat is associative: neighbours that come of one value, which nothing else reads, are a concat of their own
        (Inception's fork)."""
        read = Counter(i for p in self.pieces.values() for i in p.inputs)

        def begins(v: str) -> str:
            while v in self.pieces and read[v] == 1 and len(self.pieces[v].inputs) == 1:
                v = self.pieces[v].inputs[0]
            return v

        out: dict[str, Piece] = {}
        for v, p in self.pieces.items():
            groups = [list(some) for _, some in groupby(p.inputs, begins)] if isinstance(p.layer, Concat) else []
            for some in groups if 1 < len(groups) < len(p.inputs) else ():
                if len(some) > 1 and read[begins(some[0])] == len(some) and begins(some[0]) not in some:
                    own = f"{v}:{some[0]}"
                    t = p.type.of(sum(self._type(i).channels for i in some), *p.type.spatial)
                    out[own] = Piece(Concat(), some, own, t, path=p.path)
                    at = p.inputs.index(some[0])
                    p.inputs[at:at + len(some)] = [own]
            out[v] = p
        self.pieces = out

    def _reads(self, p: Piece) -> None:
        merges = p.output in self.gates or (p.layer.category == "merge" and not getattr(p.layer, "over", None))
        others = p.inputs[1:] if not isinstance(p.layer, Unpool) else [pool_of(p, self.g)]
        self.flows[p.output], self.refs[p.output] = (list(p.inputs), []) if merges else (p.inputs[:1], others)

    def _cut(self) -> None:
        """What a merge reads that is cut to the size of what else it reads is cut by the merge."""
        read = [i for v in self.pieces for i in self._inputs(v)]
        for v in self.pieces:
            if len(self.flows[v]) == 2 and v not in self.gates:
                first, other = self.flows[v]
                cut: Any = self.pieces[other].layer if other in self.pieces else None
                if isinstance(cut, Crop) and not cut.amount and cut.offset is None and self.refs[other] == [first] and (
                        read.count(other) == 1):
                    self.crops[v] = other
                    self.flows[v] = [first, self.flows[other][0]]

    def _deep(self) -> set[str]:
        """Merges that join what stands before a long way down and up again with what comes of it, one inside the other: the
        lines of such a way are no body of a merge."""
        ways: dict[str, int] = {}
        for v, p in self.pieces.items():
            if isinstance(p.layer, (Add, Concat)) and len(self.flows[v]) == 2:
                a, b = sorted(self.flows[v], key=lambda i: self.before[i].bit_count())
                between = self.before[b] & ~self.before[a]
                if self.before[b] & self.bit[a] and self._smaller(a, between):
                    ways[v] = between
        return {v for v, w in ways.items() if any(w & self.bit[q] or ways[q] & self.bit[v] for q in ways if q != v)}

    def _type(self, v: str) -> Any:
        return self.g.inputs[v] if v in self.g.inputs else self.pieces[v].type

    def _all(self, values: int) -> list[str]:
        out = []
        while values:
            low = values & -values
            out.append(self.value[low])
            values ^= low
        return out

    def channels(self, v: str | None) -> int | None:
        found: int | None = None if v is None else self._type(v).channels
        return found

    def body(self) -> Sequence:
        """All of it: ways that lead to outputs of their own, the way to the end, and what reads what is on several ways. In a
        file that was written here the end is what the lines of its outputs come of."""
        names = dict(zip(output_names(self.g), (v for _, v in self.g.outputs)))
        end = max(reversed(names), key=lambda w: self.before[names[w]].bit_count())
        every = bool(self.own) and len(names) > 1
        self.main = self._above(names) if every else self.before[names[end]]
        to = self.value[1 << (self.main.bit_length() - 1)] if every else names[end]
        self._reading(self.main)
        first, last = self._put_aside(names, "" if every else end)
        flow = None if self.words else next(iter(self.g.inputs))
        out: Sequence = []
        for word, v in first:
            out += [*self.way(self.before[v] & ~self.inputs, v, flow), Term("output", (word,))]
        if not self.words:
            out += self._after(next(iter(self.g.inputs)))
        out += self.way(self.main & ~self.inputs, to, flow)
        out += [Term("output", (end,))] if len(names) > 1 and not every else []
        out += [self._output(word, v, own, to) for word, v, own in last]
        if self.aside:
            raise NotSeries
        return out

    def _output(self, word: str, v: str, own: int, flow: str) -> Term:
        found = self.way(own, v, flow)
        return over("output", (word,), kids=[found] if found else [])

    def _above(self, names: dict[str, str]) -> int:
        """What outputs come of, that is not in the line of one by the names of the file."""
        out = 0
        for word, v in names.items():
            there, stack = set[str](), [v]
            while stack:
                i = stack.pop()
                if i not in self.own or self.own[i][0] != word:
                    out |= self.before[i]
                elif i not in there:
                    there.add(i)
                    stack += self._inputs(i)
        return out

    def _put_aside(self, names: dict[str, str], end: str) -> tuple[list[tuple[str, str]], list[tuple[str, str, int]]]:
        """Each output but the end stands behind the last value on its way that leads elsewhere, too, with what is its alone.
        Those that come of an input alone are before all others; those that read several values of other ways, behind them, and in
        a file that was written here those that stand behind such there."""
        first, last = list[tuple[str, str]](), list[tuple[str, str, int]]()
        there, parts = self.main | self.inputs, dict[str, int]()
        for word, v in sorted(names.items(), key=lambda o: -self.before[o[1]].bit_count()):
            parts[word] = 0 if word == end else self.before[v] & ~there
            self._reading(parts[word])
            there |= parts[word]
        at = 0
        for word, v in names.items():
            own, entries = parts[word], self._begins(parts[word], v)
            above = self.inputs | (self.before[entries[0]] if len(entries) == 1 else 0)
            single = len(entries) == 1 and all((own | above) & self.bit[i] for o in self._all(own) for i in self.refs[o])
            if word == end:
                continue
            if self.words and all(i in self.words for i in entries):
                first.append((word, v))
            elif single and not (self.own and (last or self.bit[entries[0]] < at)):
                self.aside.setdefault(entries[0], []).append((word, v, own))
                at = self.bit[entries[0]]
            else:
                last.append((word, v, own))
        return first, last

    def _reading(self, values: int) -> None:
        """Note who of these values reads which of them."""
        for v in self._all(values):
            for i in self._inputs(v):
                self.readers[i] |= self.bit[v] if values & self.bit[i] else 0

    def _inputs(self, v: str) -> list[str]:
        """What a layer reads; nothing for an input of the net."""
        return [*self.flows[v], *self.refs[v]] if v in self.pieces else []

    def _after(self, v: str) -> Sequence:
        """What stands behind a value: its name, and the outputs that come of it."""
        out = [Term("mark", ("@0: skip",), refs=(v,))] if v in self.marks else []
        for word, w, own in self.aside.pop(v, []):
            out.append(self._output(word, w, own, v))
        return out

    def _from(self, v: str, flow: str | None) -> Sequence:
        """The flow is at a value."""
        if v == flow:
            return []
        self._named(v)
        return [Term("start", ("@0",), refs=(v,))]

    def _named(self, v: str) -> None:
        if v not in self.g.inputs:
            self.read.add(v)

    def way(self, values: int, to: str, flow: str | None) -> Sequence:
        """The terms that make these values, in the order of the file, and of which the last one is the flow then."""
        if not values:
            return self._from(to, flow)
        out: list[Sequence] = []
        while values:
            v = self.value[1 << (values.bit_length() - 1)]
            p, values = self.pieces[v], values & ~self.bit[v]
            after = self._after(v)
            parts = self._parts(p, values)
            if parts is not None:
                values &= ~sum(own for own, _ in parts)
            above = self.value[1 << (values.bit_length() - 1)] if values else flow
            out.append([*(self._structure(p, parts, above) if parts is not None else self._line(p, above)), *after])
        return fused([t for part in reversed(out) for t in part], bool(self.own))

    def _parts(self, p: Piece, values: int) -> list[tuple[int, list[str]]] | None:
        """What each way of a merge is made of alone and where it begins, if its ways are branches: all of one value, or of
        inputs, or those that stand one behind the other in the file."""
        flows = self.flows[p.output]
        if len(flows) < 2 or len(set(flows)) < len(flows) or p.output in self.deep or p.output in self.crops:
            return None
        own = [self._own(i, p.output, values & ~sum(self.bit[j] for j in flows if j != i)) for i in flows]
        begin = [self._begins(part, i) for part, i in zip(own, flows)]
        one = sorted(set(begin[0]).intersection(*begin), key=lambda i: self.bit[i])[-1:]
        one = one if all(len(e) == 1 for e in begin) or not self.words.keys() & one else []  # an input of several is beside
        apart = all(own) and all(len(e) == 1 and e[0] in self.words for e in begin)
        inside = any(part & self.bit[v] for part in own for v in self.aside)  # an output, which is no part of a branch
        if not self.own and (inside or (one and self._beside(p, own))):
            return None
        if not self.own and (turns := self._in_turn(p, values)) is not None:
            return turns
        if (one or apart) and self._keep(p, own):
            gate = p.output in self.gates
            return list(zip(own, [one] * len(own) if one else begin)) if not gate or (own[1] and not own[0]) else None
        if p.output in self.gates:
            return None
        rest, late = values, list[int]()
        for part in reversed(own):
            late.append(0)
            while rest and (top := 1 << (rest.bit_length() - 1)) & part:
                late[-1] |= top
                rest &= ~top
        late.reverse()
        begin = [self._begins(part, i) for part, i in zip(late, flows)]
        above = self.value[1 << (rest.bit_length() - 1)] if rest else None
        whole = all(part or i == above for part, i in zip(late, flows)) and all(len(e) == 1 for e in begin)
        return list(zip(late, begin)) if whole and sum(map(bool, late)) > 1 and self._keep(p, late) else None

    def _in_turn(self, p: Piece, values: int) -> list[tuple[int, list[str]]] | None:
        """The same of a concatenation of what several ways make of one value, of which later ones read what earlier ones end in:
        a split into groups of channels that are joined again."""
        flows = self.flows[p.output]
        common = reduce(and_, (self.before[f] for f in flows))
        if not isinstance(p.layer, Concat) or len(flows) < 3 or not common:
            return None
        begin = self.value[1 << (common.bit_length() - 1)]
        parts, there = list[int](), self.before[begin]
        for f in flows:
            parts.append(self.before[f] & ~there)
            there |= parts[-1]
        ends = sum(self.bit[f] for f in flows)
        alone = all(not self.readers[v] & ~(part | self.bit[p.output]) for part in parts for v in self._all(part & ~ends))
        starts = [self._begins(part, f) for part, f in zip(parts, flows)]
        turns = any(set(flows) & set(e) - {begin} for e in starts) and sum(begin in e for e in starts) > 1
        whole = all(parts) and not (there & ~self.before[begin] & ~values)
        return [(part, [begin]) for part in parts] if alone and turns and whole else None

    def _beside(self, p: Piece, own: list[int]) -> bool:
        """Whether a merge names one of its two values, as the other comes of it, and it is no sum; one that comes first in a
        concatenation is there anyway, where its size stays."""
        if len(own) > 2 or all(own) or isinstance(p.layer, Add) or p.output in self.gates:
            return False
        return bool(own[0]) or not isinstance(p.layer, Concat) or self._smaller(self.flows[p.output][0], own[1])

    def _smaller(self, than: str, values: int) -> bool:
        """Whether one of these values has fewer places than another."""
        return any(1 < prod(self._type(i).spatial) < prod(self._type(than).spatial) for i in self._all(values))

    def _keep(self, p: Piece, parts: list[int]) -> bool:
        """Whether these branches cut through no scope of the file."""
        at = self.here.get(p.output, ())[:-1]
        names = [(part, self.here[v]) for part in parts for v in self._all(part)] if self.own else []
        return all(n[:len(at)] == at and (len(n) == len(at) + 1 or not self.scopes[n[:len(at) + 1]] & ~part) for part, n in names)

    def _own(self, v: str, reader: str, values: int) -> int:
        """Of these values those that lead to one alone."""
        out, stack, reads = 0, [v], self.bit[reader]
        while stack:
            i = stack.pop()
            if self.bit[i] & values & ~out and not self.readers[i] & ~(out | reads):
                out |= self.bit[i]
                stack += self._inputs(i)
        return out

    def _begins(self, own: int, v: str) -> list[str]:
        """The values that such a way begins with."""
        return sorted({i for o in self._all(own) for i in self.flows[o] if not own & self.bit[i]} if own else {v})

    def _structure(self, p: Piece, parts: list[tuple[int, list[str]]], above: str | None) -> Sequence:
        """A merge with its branches under it."""
        begin = {e[0] for _, e in parts}
        flow = begin.pop() if len(begin) == 1 else above
        ways = [self.way(own, i, flow) for i, (own, _) in zip(self.flows[p.output], parts)]
        lead = self._from(flow, above) if flow is not None else []
        if p.output not in self.gates:
            return [*lead, self._merge(p, ways, flow)]
        return [*lead, over("gate", kids=[ways[1]], cin=self.channels(flow), name=self._name(p), own=p.path)]

    def _line(self, p: Piece, above: str | None) -> Sequence:
        """A layer on the flow, which names what else it reads."""
        flows, refs = self.flows[p.output], self.refs[p.output]
        if p.output in self.gates:
            image, first = flows
            said, refs = "mul @0", [image]
            lead = [*self._from(first, above), self._said("up @0", refs, first)]
        else:
            first = flows[0] if p.layer.in_order or above not in flows or p.output in self.crops else str(above)
            lead = self._from(first, above)
            if len(flows) == 1 and not refs:
                t = step(p, self.channels(first), self.usual, bool(self.own))
                t.name = self._name(p)
                return [*lead, t]
            if len(flows) == 1:
                said = step_of(p, {i: str(k) for k, i in enumerate(refs)}, self.g)
            else:
                refs = [i for k, i in enumerate(flows) if k != flows.index(first)]
                said = " ".join([str(p.layer), *(f"@{k}" for k in range(len(refs))), *(["crop"] if p.output in self.crops else [])])
        t = self._said(said, refs, first)
        t.paths, t.name = frozenset({p.path} if p.path else ()), self._name(p)
        return [*lead, t]

    def _said(self, said: str, refs: list[str], flow: str) -> Term:
        for i in refs:
            self._named(i)
        return Term("beside", (said,), cin=self.channels(flow), refs=tuple(refs))

    def _name(self, p: Piece) -> tuple[str, ...]:
        return self.own.get(p.output, ())

    def _merge(self, p: Piece, parts: list[Sequence], flow: str | None) -> Term:
        more: dict[str, Any] = {"cin": self.channels(flow), "name": self._name(p), "own": p.path}
        begins = any(t.kind == "start" for part in parts for t in part[:1])
        if isinstance(p.layer, Add) and len(parts) == 2 and not begins and (found := self._residual(p, parts)) is not None:
            return over("residual", kids=[found[0]], shortcut=found[1] or None, **more)
        if isinstance(p.layer, Concat) and len(parts) == 2 and not parts[0] and parts[1] and not begins and self._flat(p):
            return over("dense", kids=[parts[1]], **more)
        return over("merge", (p.layer.name, len(parts)), parts, **more)

    def _residual(self, p: Piece, parts: list[Sequence]) -> tuple[Sequence, Sequence] | None:
        """The body and the shortcut of a sum, where it has them."""
        if self.own and [] not in parts:  # by the name that a shortcut has
            at = len(self._name(p)) - 1
            which = [any(t.name[at:at + 1] and t.name[at].startswith("shortcut") for t in part) for part in parts]
            return (parts[which.index(False)], parts[which.index(True)]) if sorted(which) == [False, True] else None
        body, other = sorted(parts, key=lambda s: -len(list(steps(s)))) if [] not in parts else (max(parts, key=len), [])
        short = not other or (len(other) == 1 and other[0].kind == "step" and other[0].head[0] == "conv")
        return (body, other) if body and short else None

    def _flat(self, p: Piece) -> bool:
        """Whether `dense:` reads the same values: it joins what another one joined before it one by one."""
        before = self.pieces.get(self.flows[p.output][0])
        return not self.own or p.output in self.flattened or before is None or not isinstance(before.layer, Concat)
