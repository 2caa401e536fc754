"""The graph as a reader sees it: steps, named groups of them, and repeats.

A step is a layer and what its switches added (`conv1`, `conv1.bn`, `conv1.relu`); a group is a named scope; a repeat is
a run of equal turns, shown once. Summary and diagram are both drawn from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Union

from ..ir.graph import Graph, Node
from ..words.layer import Layer

PERIOD = 12  # a turn of a repeat has at most this many items


@dataclass(frozen=True)
class Step:
    """A layer with the activation and normalisation written on the same step."""

    nodes: tuple[Node, ...]

    @property
    def head(self) -> Node:
        return self.nodes[0]

    @property
    def last(self) -> Node:
        """The node whose value the step's name means."""
        return self.nodes[-1]

    @property
    def name(self) -> str:
        return self.head.name

    @property
    def switches(self) -> tuple[str, ...]:
        return tuple(str(n.op) for n in self.nodes[1:])

    @property
    def text(self) -> str:
        """The layer as a spec would write it, arguments evaluated. A step with a normalisation that shifts has no bias unless it
        says so."""
        shifted = any(isinstance(n.op, Layer) and n.op.category == "normalisation" and not n.op.keeps_bias for n in self.nodes[1:])
        return str(self.head.op).replace(" bias=no", "") if shifted else str(self.head.op)

    @property
    def frozen(self) -> bool:
        """Its weights are not trained."""
        return any(not p.trainable and p.kind != "buffer" for n in self.nodes for p in n.parameters)

    @property
    def shared(self) -> str | None:
        """The step whose weights it uses again."""
        theirs = [p.name for n in self.nodes for p in n.parameters if not p.name.startswith(n.name + ".")]
        return scope_of(theirs[0]) if theirs else None

    def __str__(self) -> str:
        """The whole step as a spec would write it."""
        return " ".join((self.text, *self.switches))


@dataclass(frozen=True)
class Group:
    """A named scope."""

    path: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Repeat:
    """Equal turns, one after the other."""

    turns: tuple[tuple[Item, ...], ...]

    @property
    def times(self) -> int:
        return len(self.turns)


Item = Union[Step, Group, Repeat]
Sameness = Callable[[Node], Any]  # what must agree for two nodes to be shown as one
Reads = Callable[[Node], tuple[str, ...]]


def outline(graph: Graph, same: Sameness, join: bool = False, reads: Reads | None = None) -> tuple[Item, ...]:
    """Steps in order, grouped by scope, with runs folded whose nodes are the `same` and are wired alike. `join` counts
    activations and normalisations of their own to the step they follow; `reads` says what a node's arcs start from,
    where that is not simply its inputs."""
    arcs = {n.name: n.inputs if reads is None else reads(n) for n in graph}
    readers: dict[str, set[str]] = {}
    for name, values in arcs.items():
        for v in values:
            readers.setdefault(v, set()).add(name)
    items = _grouped(list(steps(graph, readers if join else None)), "")
    return _Folder(graph, items, same, arcs, readers).fold(items)


def leaves(items: Sequence[Item]) -> Iterator[Step]:
    """Every step, those of folded turns included."""
    for item in items:
        if isinstance(item, Step):
            yield item
        elif isinstance(item, Group):
            yield from leaves(item.items)
        else:
            for turn in item.turns:
                yield from leaves(turn)


def nodes_of(items: Sequence[Item]) -> list[Node]:
    return [n for step in leaves(items) for n in step.nodes]


def steps(graph: Graph, readers: dict[str, set[str]] | None = None) -> Iterator[Step]:
    """`conv1`, `conv1.bn`, `conv1.relu` follow each other and read each other: one step. Given readers, so are a layer and
    the activation or normalisation that alone reads it."""
    outputs = {v for _, v in graph.outputs}
    run: list[Node] = []
    for n in graph:
        before = run[-1].results[0].name if run else ""
        joined = readers is not None and run and readers.get(before) == {n.name} and before not in outputs and _may_join(run[0],
                n)
        if run and n.inputs == (before,) and (joined or n.name.startswith(run[0].name + ".")):
            run.append(n)
            continue
        if run:
            yield Step(tuple(run))
        run = [n]
    if run:
        yield Step(tuple(run))


def _may_join(head: Node, n: Node) -> bool:
    follows = {"activation": ("convolution", "dense", "normalisation", "activation", "merge"),
               "normalisation": ("convolution", "dense", "normalisation", "activation")}
    return scope_of(n.name) == scope_of(head.name) and _category(head) in follows.get(_category(n), ())


def _category(n: Node) -> str:
    return str(getattr(n.op, "category", ""))


def op_name(node: Node) -> str:
    """conv, input, ..."""
    return str(getattr(node.op, "name", node.op))


def line_of(node: Node) -> int | None:
    """The line of the step that made a node."""
    return node.spans[0].line if node.spans else None


def scope_of(name: str) -> str:
    return name.rpartition(".")[0]


def _grouped(steps: list[Step], path: str) -> tuple[Item, ...]:
    """Nest by scope; steps of one scope that others interrupt make two groups of one name."""
    items: list[Item] = []
    k = 0
    prefix = path + "." if path else ""
    while k < len(steps):
        rest = scope_of(steps[k].name)[len(prefix):] if scope_of(steps[k].name) != path else ""
        if not rest:
            items.append(steps[k])
            k += 1
            continue
        inner = prefix + rest.split(".")[0]
        end = k
        while end < len(steps) and steps[end].name.startswith(inner + "."):
            end += 1
        items.append(Group(inner, _grouped(steps[k:end], inner)))
        k = end
    return tuple(items)


class _Folder:
    """Finds runs of equal turns. Two nodes are alike when they are the same and read values made equally far back."""

    def __init__(self, graph: Graph, items: tuple[Item, ...], same: Sameness, reads: dict[str, tuple[str, ...]],
                 readers: dict[str, set[str]]):
        self.graph, self.same, self.reads, self.readers = graph, same, reads, readers
        self.place = {n.name: k for k, n in enumerate(nodes_of(items))}
        self.outputs = {v for _, v in graph.outputs}
        self.ids: dict[Any, int] = {}

    def fold(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        done: list[Item] = []
        kinds = [self.kind(i) for i in items]
        k = 0
        while k < len(items):
            period, times = self.longest(items, kinds, k)
            if times > 1:
                turns = tuple(self.inner(items[k + t * period:k + (t + 1) * period]) for t in range(times))
                done.append(Repeat(turns))
            else:
                done.extend(self.inner(items[k:k + 1]))
            k += period * times
        return tuple(done)

    def inner(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        return tuple(Group(i.path, self.fold(i.items)) if isinstance(i, Group) else i for i in items)

    def kind(self, item: Item) -> int:
        """Equal numbers for items that are alike."""
        if isinstance(item, Group):
            key: Any = ("group", *map(self.kind, item.items))
        else:
            assert isinstance(item, Step)
            key = tuple((self.same(n),
                         tuple(self.place[n.name] - self.place[self.graph.maker[i].name] for i in self.reads[n.name]))
                         for n in item.nodes)
        return self.ids.setdefault(key, len(self.ids))

    def longest(self, items: tuple[Item, ...], kinds: list[int], k: int) -> tuple[int, int]:
        """(period, times) of the run at k that hides most items; (1, 1) where there is none."""
        best, found = 0, (1, 1)
        for period in range(1, min(PERIOD, (len(items) - k) // 2) + 1):
            times = 1
            while kinds[k + times * period:k + (times + 1) * period] == kinds[k:k + period]:
                times += 1
            if (times - 1) * period > best and self.closed(items[k:k + (times - 1) * period], items[k:k + times * period]):
                best, found = (times - 1) * period, (period, times)
        return found

    def closed(self, hidden: tuple[Item, ...], run: tuple[Item, ...]) -> bool:
        """Nothing outside the run reads a value of a turn before the last."""
        inside = {n.name for n in nodes_of(run)}
        values = [v.name for n in nodes_of(hidden) for v in n.results]
        return not any(v in self.outputs or not self.readers.get(v, set()) <= inside for v in values)
