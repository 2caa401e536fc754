"""Sums that run beside a chain of blocks: each block hands a value on to the next, and another to a join that adds it to those of
the blocks before, as the layers of a WaveNet do.

The text tells all blocks first and then all joins. A reader sees one turn, a block with its join, and how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.graph import Graph
from .arcs import Drawn
from .steps import Closed, Item, Repeat, Step, likeness

LEAST = 3  # turns that are worth a frame
Turn = tuple[Closed, Step]


def beside(items: Sequence[Item], graph: Graph, sources: Drawn) -> list[Item]:
    """The items with each join of such a sum moved behind its block, and turns that are alike folded."""
    view = _View(graph, sources)
    out = list(items)
    k = 0
    while k < len(out):
        turns = view.turns(out, k)
        if len(turns) < LEAST:
            k += 1
            continue
        joins = {id(join) for _, join in turns}
        out[k:] = [*view.folded(turns), *(i for i in out[k + len(turns):] if id(i) not in joins)]
        k += 1
    return out


class _View:
    def __init__(self, graph: Graph, sources: Drawn):
        self.graph, self.sources = graph, sources

    def turns(self, items: Sequence[Item], k: int) -> list[Turn]:
        """The blocks from the k-th item on, each with the join that takes it, if there are such."""
        blocks: list[Closed] = []
        for item in items[k:]:
            if not isinstance(item, Closed) or not item.call or (blocks and item.place != blocks[0].place):
                break
            blocks.append(item)
        behind = items[k + len(blocks):]
        turns: list[Turn] = []
        for block, join in zip(blocks, behind):
            before = turns[-1][1] if turns else None
            if not isinstance(join, Step) or isinstance(join, Closed) or not self.adds(join, before, block):
                break
            turns.append((block, join))
        early = {n.name for i in items[:k] if isinstance(i, Step) for n in i.nodes}  # what the first sum begins with
        first = self.outside(turns[0][1]) - _values(turns[0][0]) if turns else set()
        return turns if all(self.graph.maker[v].name in early for v in first) else []

    def adds(self, join: Step, before: Step | None, block: Closed) -> bool:
        """Whether a join adds a value of a block to the join before, or to something else."""
        read = self.outside(join)
        others = read - _values(block)
        return (getattr(join.head.op, "category", "") == "merge" and len(read) == 2 and len(others) == 1
                and (before is None or others == {before.last.results[0].name}))

    def folded(self, turns: Sequence[Turn]) -> list[Item]:
        """The turns, one after the other, those that are alike as one."""
        run: list[Turn] = []
        found: list[Item] = []
        for turn in turns:
            if run and not self.goes_on(run[-1], turn):
                found += _told(run)
                run = []
            run.append(turn)
        return found + _told(run)

    def goes_on(self, one: Turn, next_: Turn) -> bool:
        """Whether a turn is as the one before and reads the same of it, which nothing else looks into."""
        (a, sum_a), (b, sum_b) = one, next_
        own = {n.name for s in next_ for n in s.nodes}
        hands = {v for v in self.outside(b) if v in _values(a)}
        return (_looks(a) == _looks(b) and _looks(sum_a) == _looks(sum_b) and len(hands) == 1 and self.outside(b) == hands
                and self.seen(one) == hands | {sum_a.last.results[0].name}
                and self.readers(one) <= own and self.places(one) == self.places(next_))

    def outside(self, step: Step) -> set[str]:
        """The values that a step reads of what is not its own."""
        return {v for n in step.nodes for v in self.sources[n.name]} - _values(step)

    def readers(self, turn: Turn) -> set[str]:
        """What reads a turn from outside; "" is the world."""
        own = {n.name for s in turn for n in s.nodes}
        values = {v for s in turn for v in _values(s)}
        world = {""} if any(v in values for _, v in self.graph.outputs) else set()
        return {r.name for v in values for r in self.graph.readers[v]} - own | world

    def seen(self, turn: Turn) -> set[str]:
        """Its values that something outside reads."""
        own = {n.name for s in turn for n in s.nodes}
        return {v for s in turn for v in _values(s) if any(r.name not in own for r in self.graph.readers[v])}

    def places(self, turn: Turn) -> set[int]:
        """Where in a turn the values are that others read."""
        seen = self.seen(turn)
        return {k for k, n in enumerate(n for s in turn for n in s.nodes) if any(v.name in seen for v in n.results)}


def _values(step: Step) -> set[str]:
    return {v.name for n in step.nodes for v in n.results}


def _looks(step: Step) -> tuple[object, ...]:
    """What two blocks or joins of one box have in common."""
    if isinstance(step, Closed):
        return step.exit.type, len(step.nodes), tuple(p.shape for n in step.nodes for p in n.parameters)
    return tuple((likeness(n), n.type) for n in step.nodes)


def _told(run: Sequence[Turn]) -> list[Item]:
    return [Repeat(tuple(run))] if len(run) >= LEAST else [step for turn in run for step in turn]
