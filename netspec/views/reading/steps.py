"""What a reader sees of a graph: steps, named groups of them, and repeats.

A step is a layer and what its switches added (`conv1`, `conv1.bn`, `conv1.relu`); a group is a named scope; a repeat is
a run of equal turns, shown once. `outline` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Union

from ...ir.graph import Graph, Node
from ...source import Span
from ...words.layer import Layer


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
        """The layer as a spec would write it in its scope, arguments evaluated. A step with a normalisation that shifts has no
        bias unless it says so."""
        shifted = any(isinstance(n.op, Layer) and n.op.category == "normalisation" and not n.op.keeps_bias
                      for n in self.nodes[1:])
        written = text_of(self.head)
        return written.replace(" bias=no", "") if shifted else written

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


@dataclass(frozen=True)
class Closed(Step):
    """A block as one box."""

    path: str
    call: str  # with its arguments as numbers; "" where no call made it
    exit: Node
    place: Span | None = None  # of that call

    @property
    def last(self) -> Node:
        return self.exit

    @property
    def switches(self) -> tuple[str, ...]:
        return ()

    @property
    def text(self) -> str:
        return self.call or self.path.rpartition(".")[2]

    @property
    def shared(self) -> str | None:
        return None

    @property
    def steps(self) -> int:
        """How many layers it holds."""
        return len(self.nodes)


@dataclass(frozen=True)
class Port(Step):
    """A value from outside of what is drawn, named after the step that makes it."""


Item = Union[Step, Group, Repeat]


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


def text_of(n: Node) -> str:
    """A layer as a spec would write it in its scope: `up @x` of `up @stage.squeeze1.x`, if it lies in `stage.squeeze1`."""
    return _referring(n, lambda name: name.removeprefix(scope_of(n.name) + "."))


def likeness(n: Node) -> str:
    """What layers say alike in all turns of a repeat: a name may stand for another value in each, as its wiring tells."""
    return _referring(n, lambda _: "")


def _referring(n: Node, name: Callable[[str], str]) -> str:
    """A layer's text with the names that it refers to changed."""
    return " ".join(f"@{name(word[1:])}" if word.startswith("@") else word for word in str(n.op).split(" "))


def op_name(node: Node) -> str:
    """conv, input, ..."""
    return str(getattr(node.op, "name", node.op))


def line_of(node: Node) -> int | None:
    """The line of the step that made a node."""
    return node.spans[0].line if node.spans else None


def scope_of(name: str) -> str:
    return name.rpartition(".")[0]


def grouped(steps: list[Step], path: str) -> tuple[Item, ...]:
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
        items.append(Group(inner, grouped(steps[k:end], inner)))
        k = end
    return tuple(items)
