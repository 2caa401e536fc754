"""What is asked about of a network: which of its values, and which channel of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice, near
from ..ir.graph import Graph, Node
from ..runtime import inner
from ..runtime.asking.answers import answering
from ..runtime.io import arrays
from ..runtime.misuse import misuse
from ..runtime.network import Network
from ..runtime.sizes import of_sizes
from ..views.reading.names import named

Array = NDArray[Any]
Class = int | str | Sequence[int] | None


def input_of(net: Network) -> Node:
    """The network's only input.

    Errors: several of them.
    """
    inputs = net.graph.inputs
    if len(inputs) != 1:
        raise misuse("not-yet", f"{net.graph.name} has {len(inputs)} inputs, {', '.join(n.name for n in inputs)}, and only nets of one "
                     "are looked into", hint=Advice("net.derivatives and net.activations take dicts by name"))
    return inputs[0]


def examples(net: Network, x: Any) -> Array:
    """Examples as the network computes with them: checked, in its dtype, bytes as it has learnt from them."""
    one = input_of(net)
    return np.asarray(net.state.cut(arrays.inputs(net.graph, x))[one.name])


def graph_of(net: Network, x: Array) -> Graph:
    """The graph, its sizes those of these examples."""
    return of_sizes(net.state, {input_of(net).name: x})


def scores(net: Network) -> str:
    """The name of the value that holds a number for each class, before a softmax or a sigmoid makes probabilities of it."""
    graph = net.graph
    value = graph.public[answering(graph, net.recipe.terms)]
    last = graph.maker[value]
    if getattr(last.op, "gives", "") and last.inputs:
        value = last.inputs[0]
    return called(graph, value)


def called(graph: Graph, value: str) -> str:
    """A name by which a value can be asked for, the shortest one."""
    return min((name for name, v in named(graph).items() if v == value), key=len)


def value_of(graph: Graph, name: str) -> str:
    """The value that a name means. Raises UnknownName with the nearest one."""
    return inner.meant(graph, [name])[name]


def chosen(net: Network, x: Array, unit: Class, layer: str) -> NDArray[np.int64]:
    """The channel of a layer that is asked about, of each example: one for all, one for each, or unless it is said the one with
    the largest number.

    Errors: a class that the network has not.
    """
    if unit is None:
        return np.asarray(means(net, x, layer).argmax(1))
    numbers = [number(net, u, layer) for u in ([unit] if isinstance(unit, (int, str, np.integer)) else unit)]
    if len(numbers) not in (1, len(x)):
        raise misuse("wrong-shape", f"{len(numbers)} units are named for {len(x)} examples", hint=Advice("one for all, or one for each"))
    return np.broadcast_to(np.asarray(numbers, np.int64), (len(x),))


def means(net: Network, x: Array, layer: str) -> Array:
    """N x channels: what a layer says of each example, the mean over its places, and over its images where it is in an `each`."""
    found = net.activations(x, layer)
    return np.asarray(found.reshape(len(x), -1, found.shape[1], found[0, 0].size).mean((1, 3)))


def number(net: Network, unit: Any, layer: str) -> int:
    """The number of a channel, by its number or, of classes, by its name.

    Errors: none of the layer's.
    """
    channels = net.graph.values[value_of(net.graph, layer)].type.channels
    names = net.classes if len(net.classes) == channels and layer == scores(net) else ()
    if isinstance(unit, str) and unit in names:
        return names.index(unit)
    if isinstance(unit, str) and not unit.isdecimal():
        alike = near(unit, names)
        raise misuse("unknown-name", f"there is no class `{unit}`", *([f"the classes are {', '.join(names)}"] if names else
                     ["the network has no names for its classes, only numbers"]), hint=f"did you mean `{alike}`?" if alike else "")
    k = int(unit)
    if channels is not None and not 0 <= k < channels:
        what = "class" if layer == scores(net) else "unit"
        raise misuse("label-range", f"{what} {k} is none of {layer}'s, which {'has' if channels > 1 else 'is'} {channels}",
                     hint=Advice(f"they count from 0 to {channels - 1}"))
    return k


def seeds(net: Network, x: Array, layer: str, units: NDArray[np.int64]) -> Array:
    """Ones at all places of the channel that is asked about, of each example: whose sum is what is differentiated."""
    graph = graph_of(net, x)
    t = graph.values[value_of(graph, layer)].type
    out = np.zeros((len(x) * t.batch, *(s or 0 for s in t.shape)), net.dtype)
    out[np.arange(len(out)), np.repeat(units, t.batch)] = 1
    return out


def convolutions(graph: Graph) -> list[Node]:
    """Those with weights, in order.

    Errors: there is none.
    """
    found = [n for n in graph if getattr(n.op, "category", "") == "convolution" and n.parameters]
    if not found:
        raise misuse("bad-value", f"{graph.name} has no convolution, and this looks at what one sees",
                     hint=Advice("saliency, guided, integrated and occlusion need none"))
    return found
