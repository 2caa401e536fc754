"""The numbers of a net's preparations (`prepare standardise`), measured on the examples of training.

They are measured in float64, some examples at a time and in their order, so that examples made when they are asked for never
lie in memory together. Each line sees what the lines above it make of the examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.reference.executor import ReferenceExecutor
from ...backends.turns import changes
from ...diagnostics import Advice, NetspecError
from ...ir.graph import Graph, Node, Value
from ...ir.types import TensorType
from ...preparations import Preparation
from ...waiting import wait
from ...words.preparation import COUNT
from ..feeding.feed import Feed
from ..io import arrays
from ..misuse import misuse
from ..state import State

Array = NDArray[Any]
Inputs = Mapping[str, Array]
AT_ONCE = 1 << 22  # numbers of an input that are looked at together


def preparations(graph: Graph) -> list[Node]:
    """The nodes that have numbers to measure, in order."""
    return [n for n in graph.nodes if isinstance(n.op, Preparation) and not n.op.given]


def unmeasured(state: State) -> list[Node]:
    """Those whose numbers have not been measured yet, nor come from a checkpoint."""
    return [n for n in preparations(state.graph) if not state.store.get(f"{n.name}.{COUNT}")[0]]


def check_prepared(state: State) -> None:
    """Refuse to train on what is not prepared yet: later it would be, and the network would have learnt from other numbers."""
    if not state.course.step and (missing := unmeasured(state)):
        raise misuse("unprepared", f"the numbers of `{missing[0].op}` are not measured yet",
                     "fit measures them on its examples before the first step", hint="net.prepare(x)")


def prepare(state: State, x: Any) -> None:
    """Measure all of them on these examples, whatever they were before.

    Errors: a net without any; arrays that do not fit; numbers that are not finite.
    """
    nodes = preparations(state.graph)
    if not nodes:
        raise misuse("no-training", f"net {state.graph.name} has no preparation whose numbers could be measured",
                     hint=Advice("say one in its train section:  prepare standardise"))
    found = arrays.inputs(state.graph, x)
    measure(state, nodes, lambda: in_order(found, state.course.bytes), arrays.count(found))


def in_order(found: Inputs, scaled: bool = False) -> Iterator[Inputs]:
    """The examples in order, some at a time; `scaled` says that bytes are pictures."""
    size = max(1, AT_ONCE // max(1, *(prod(v.shape[1:]) for v in found.values())))
    with closing(Feed(found, {}, size, np.dtype(np.float64), shuffle=False, scaled=scaled).epoch(0)) as batches:
        for batch in batches:
            yield batch.inputs


def measure(state: State, nodes: Iterable[Node], examples: Callable[[], Iterable[Inputs]], of: int | None = None) -> None:
    """Measure these, one after the other. `examples` begins a new pass over batches of inputs by name, `of` examples in all.

    Errors: a preparation's own are said at its line, those of examples that cannot be read as they are.
    """
    for node in nodes:
        count, unread = [0], list[NetspecError]()
        op: Any = node.op
        with np.errstate(all="ignore"), wait(f"measuring {op.name}, example", of) as at:
            try:
                numbers = op.measure(_counted(_reaching(state, node, _read(examples(), unread)), count, at))
            except NetspecError as e:
                if e not in unread:
                    e.at(next(iter(node.spans), None))
                raise
        for name, value in numbers.items():
            if not np.isfinite(np.asarray(value, state.dtype)).all():
                raise misuse("bad-value", f"`{node.op}`: its {name} comes to no finite number on these examples",
                             hint="np.isfinite(x).all()  must be True")
        _put(state, node, {**numbers, COUNT: np.array([float(count[0])])})


@changes
def _put(state: State, node: Node, numbers: Mapping[str, Any]) -> None:
    for name, value in numbers.items():
        state.put(f"{node.name}.{name}", np.asarray(value, np.float64).reshape(state.declared[f"{node.name}.{name}"].shape))


def _read(examples: Iterable[Inputs], unread: list[NetspecError]) -> Iterator[Inputs]:
    """The examples; what they raise is noted."""
    try:
        yield from examples
    except NetspecError as e:
        unread.append(e)
        raise


def _counted(examples: Iterable[Array], count: list[int], at: Callable[[int], None]) -> Iterator[Array]:
    for batch in examples:
        at(count[0] + 1)
        count[0] += len(batch)
        yield batch


def _reaching(state: State, node: Node, examples: Iterable[Inputs]) -> Iterator[Array]:
    """What comes to a preparation: the examples of its input after the preparations before it, in float64."""
    chain = [state.graph.maker[node.inputs[0]]]
    while chain[0].inputs:
        chain.insert(0, state.graph.maker[chain[0].inputs[0]])
    source, runs = chain[0].name, dict[tuple[int, ...], ReferenceExecutor]()
    for batch in examples:
        given = np.asarray(batch[source], np.float64)
        if len(chain) == 1:
            yield given
            continue
        shape = given.shape[1:]
        run = runs.get(shape) or runs.setdefault(shape, _executor(state, chain, shape))
        yield run.predict({source: given})["out"]


def _executor(state: State, chain: list[Node], shape: tuple[int, ...]) -> ReferenceExecutor:
    """An input and the preparations behind it, for examples of one size, with the numbers they have now."""
    nodes = tuple(replace(n, results=(Value(n.name, TensorType(shape)),)) for n in chain)
    run = ReferenceExecutor(Graph(state.graph.name, nodes, (("out", nodes[-1].name),)))
    for p in run.graph.parameters:
        run.set(p.name, state.store.get(p.name))
    return run
