"""All that is looked at, in the order in which one would."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from ...words.dataset import Data, Pair
from ..feeding.given import pair_of
from ..io import arrays
from ..network import Network
from ..train.preparing import in_order, measure, unmeasured
from .beginning import gradient, initial_loss, penalty
from .finding import Finding
from .inside import dead_units, seen, statistics
from .judged import classes, never_predicted, repeated
from .learning import HEART, by_heart, steps
from .sample import drawn

MANY = 256  # examples that are looked at


def examine(net: Network, data: Data, seconds: float = 60.0) -> Iterator[Finding]:
    """One finding after the other. The network itself stays as it is: what trains is a copy.

    `seconds` bounds each of the two that may take long: learning by heart, and reading all of the data.
    Errors: data that do not fit the network.
    """
    net = _ready(net, data)
    x, y = _drawn(net, data.train, max(MANY, net.recipe.batch))
    few, size = HEART, net.recipe.batch
    yield classes(data, _classes(net))
    yield repeated(data, seconds)
    yield initial_loss(net, _first(x, size), _first(y, size))
    yield penalty(net, _first(x, size), _first(y, size))
    yield gradient(net, _first(x, 8), _first(y, 8))
    yield statistics(seen(net, x))
    yield by_heart(net, _first(x, few), _first(y, few), seconds)
    trained, moved = steps(net, x, y)
    yield moved
    yield dead_units(seen(trained, x))
    judged = _drawn(net, data.validation or data.test or data.train, MANY)
    yield never_predicted(net if net.step else trained, *judged, data.classes)


def _ready(net: Network, data: Data) -> Network:
    """A copy that knows what these data are: whether they come in bytes, and the numbers of its preparations.

    Errors: data that do not fit.
    """
    copy = deepcopy(net)
    copy.fit(data, epochs=0, verbose=0)
    copy.state.course.bytes = True
    if not copy.step and (missing := unmeasured(copy.state)):
        found = arrays.inputs(copy.graph, data.train[0])
        measure(copy.state, missing, lambda: in_order(found, scaled=True), arrays.count(found))
    return copy


def _drawn(net: Network, pair: Pair, n: int) -> tuple[Any, Any]:
    """At most `n` examples of a part as the network reads them, bytes as pictures."""
    x, y = drawn(pair_of(net.state, net.recipe.terms, pair), n, net.seed)
    return arrays.cut(arrays.inputs(net.graph, x), slice(None), net.dtype, scaled=True), y


def _first(part: Any, n: int) -> Any:
    return None if part is None else {k: v[:n] for k, v in part.items()} if isinstance(part, dict) else part[:n]


def _classes(net: Network) -> int | None:
    """How many classes the first loss that reads class numbers tells apart."""
    outputs = {public: net.graph.values[v].type for public, v in net.graph.outputs}
    labelled = [outputs[t.output] for t in net.recipe.terms if t.loss.target(outputs[t.output]).element == "int"]
    return labelled[0].channels if labelled and not any((n or 0) > 1 for n in labelled[0].spatial) else None
