"""Which blocks of an outline are closed: each of those is one box, that says which call made it.

Depth 1 closes all blocks, depth 2 opens the outermost ones, and so on; None opens all. A block is a named scope. `open` opens
some more, with those around them. `focus` leaves one block alone, with a port for each value that goes in and comes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...diagnostics import UsageError, near
from ...ir.graph import Graph, Node
from ...source import Span
from .arcs import Drawn
from .calls import own_calls
from .steps import Closed, Group, Item, Port, Repeat, Step, leaves, nodes_of
from .sums import beside

SHOWN = 8  # paths in an error's note


def closed(graph: Graph, items: Sequence[Item], depth: int | None, opened: Sequence[str], sources: Drawn) -> tuple[Item, ...]:
    """The outline with all blocks closed that are not to be open; those that one call made one after the other, and that look
    alike from outside, are turns of one."""
    return tuple(_Closing(graph, depth, tuple(opened), sources).inside(items, 1, ()))


def known(items: Sequence[Item], opened: Sequence[str]) -> None:
    """Raises UsageError for a path of what is to be open that no block has."""
    paths = list(dict.fromkeys(blocks(items))) if opened else []
    for path in opened:
        if path not in paths:
            raise unknown(path, paths, "block")


def deepest(items: Sequence[Item]) -> int:
    """The depth at which every block is open."""
    inner = [deepest(i.items) + 1 if isinstance(i, Group) else max(deepest(t) for t in i.turns)
             for i in items if not isinstance(i, Step)]
    return max(inner, default=1)


def blocks(items: Sequence[Item]) -> Iterator[str]:
    """The paths of all blocks, those of folded turns included."""
    for item in items:
        if isinstance(item, Group):
            yield item.path
            yield from blocks(item.items)
        elif isinstance(item, Repeat):
            for turn in item.turns:
                yield from blocks(turn)


def focused(graph: Graph, items: Sequence[Item], path: str, sources: Drawn) -> tuple[Item, ...]:
    """The part of this path with a port before it for each value that it reads from outside."""
    found = list(_parts(items, path))
    if not found:
        raise unknown(path, list(dict.fromkeys([*blocks(items), *(s.name for s in leaves(items))])), "block or step")
    own = {n.name for n in nodes_of(found)}
    outside = dict.fromkeys(graph.maker[v] for n in nodes_of(found) for v in sources[n.name] if graph.maker[v].name not in own)
    return (*(Port((n,)) for n in outside), *found)


def unknown(path: str, known: Sequence[str], what: str) -> UsageError:
    """The error for a path that is none, with those that may have been meant."""
    alike = [p for p in known if path and (path.lower() in p.lower() or p.rpartition(".")[2] == path.rpartition(".")[2])]
    best = near(path, known)
    names = list(dict.fromkeys([*([best] if best else []), *alike, *known]))
    if not names:
        return UsageError(f"there is no {what} `{path}`: this network has no named blocks")
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    near_ones = best is not None or bool(alike)
    return UsageError(f"there is no {what} `{path}`", f"there are: {', '.join(names[:SHOWN])}{more}",
                      hint=f"{names[0]}" if near_ones else None)


def _parts(items: Sequence[Item], path: str) -> Iterator[Item]:
    """The groups or the step of this path."""
    for item in items:
        if isinstance(item, Step):
            if item.name == path:
                yield item
        elif isinstance(item, Group):
            if item.path == path:
                yield item
            elif path.startswith(item.path + "."):
                yield from _parts(item.items, path)
        else:
            for turn in item.turns:
                yield from _parts(turn, path)


def _block(turn: Sequence[Item]) -> Closed | None:
    """The closed block that a turn is, if it is one alone."""
    return turn[0] if len(turn) == 1 and isinstance(turn[0], Closed) else None


def _run(turns: Sequence[tuple[Item, ...]]) -> Item:
    return turns[0][0] if len(turns) == 1 else Repeat(tuple(turns))


@dataclass(frozen=True)
class _Closing:
    graph: Graph
    depth: int | None
    opened: tuple[str, ...]
    sources: Drawn

    def inside(self, items: Sequence[Item], level: int, around: tuple[Span, ...]) -> Iterator[Item]:
        run: list[tuple[Item, ...]] = []  # turns of closed blocks
        for item in beside(list(self.one_by_one(items, level, around)), self.graph, self.sources):
            turns = item.turns if isinstance(item, Repeat) and _block(item.turns[0]) else ((item,),)
            if run and not ((a := _block(run[-1])) and (b := _block(turns[0])) and self.goes_on(a, b)):
                yield _run(run)
                run = []
            run += turns
        if run:
            yield _run(run)

    def goes_on(self, a: Closed, b: Closed) -> bool:
        """Whether one block is the next turn of another: made by the same call, of the same shape and size, in a chain."""
        own = {v.name for n in b.nodes for v in n.results}
        reads = {v for n in b.nodes for v in self.sources[n.name] if v not in own}
        others = {n.name for n in b.nodes}
        return (a.place is not None and a.place == b.place and a.exit.type == b.exit.type and len(a.nodes) == len(b.nodes)
                and [p.shape for n in a.nodes for p in n.parameters] == [p.shape for n in b.nodes for p in n.parameters]
                and reads == {a.exit.results[0].name} and len(a.exit.results) == 1
                and self.seen(a) == {a.exit.name} and {r for r in self.readers(a) if r not in others} == set())

    def readers(self, block: Closed) -> set[str]:
        """What reads a block from outside; "" is the world."""
        own = {n.name for n in block.nodes}
        values = {v.name for n in block.nodes for v in n.results}
        read = {r.name for v in values for r in self.graph.readers[v]} - own
        return read | ({""} if any(v in values for _, v in self.graph.outputs) else set())

    def seen(self, block: Closed) -> set[str]:
        """Its nodes that something outside reads."""
        own = {n.name for n in block.nodes}
        return {n.name for n in block.nodes if any(r.name not in own for v in n.results for r in self.graph.readers[v.name])}

    def one_by_one(self, items: Sequence[Item], level: int, around: tuple[Span, ...]) -> Iterator[Item]:
        for item in items:
            if isinstance(item, Step):
                yield item
            elif isinstance(item, Group):
                yield self.group(item, level, around, self.opens(item.path, level))
            else:
                yield Repeat(tuple(tuple(self.turn(turn, k, item, level, around)) for k, turn in enumerate(item.turns)))

    def turn(self, turn: Sequence[Item], k: int, of: Repeat, level: int, around: tuple[Span, ...]) -> Iterator[Item]:
        """A turn of a repeat: a block is open in all turns or in none, since one is drawn for all."""
        for place, item in enumerate(turn):
            if isinstance(item, Group):
                same = [t[place] for t in of.turns]
                yield self.group(item, level, around, any(self.opens(g.path, level) for g in same if isinstance(g, Group)))
            else:
                yield from self.inside([item], level, around)

    def opens(self, path: str, level: int) -> bool:
        return self.depth is None or level < self.depth or any(p == path or p.startswith(path + ".") for p in self.opened)

    def group(self, item: Group, level: int, around: tuple[Span, ...], is_open: bool) -> Item:
        nodes = nodes_of([item])
        calls = own_calls(item.items, around)
        if is_open:
            return Group(item.path, tuple(self.inside(item.items, level + 1, (*around, *calls))))
        return Closed(tuple(nodes), item.path, self.graph.calls.get(item.path, ""), self.exit(nodes), calls[0] if calls else None)

    def exit(self, nodes: Sequence[Node]) -> Node:
        """The last node that something outside reads."""
        own, outputs = {n.name for n in nodes}, {v for _, v in self.graph.outputs}
        seen = [n for n in nodes if any(v.name in outputs or any(r.name not in own for r in self.graph.readers[v.name])
                                        for v in n.results)]
        return (seen or nodes)[-1]
