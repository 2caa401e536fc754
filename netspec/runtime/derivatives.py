"""How values inside a network change with others: see `Network.derivatives`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends.turns import reads
from ..ir.types import shape_text
from . import drawing, inner
from .io import arrays
from .misuse import by_name, misuse, whole
from .sizes import bind
from .state import State

Array = NDArray[Any]


@reads
def derivatives(state: State, x: Any, of: Any, to: Sequence[str], guided: bool, batch: int | None,
                draw: int | None) -> dict[str, Array]:
    """The gradients by name, of a batch of examples after the other."""
    found, factors = arrays.inputs(state.graph, x), by_name("of", of)
    if not factors:
        raise misuse("bad-value", "nothing is named whose gradient it is", hint='of={"fc2": factors}')
    run = bind(state, found)
    meant = tuple(inner.meant(run.graph, list(factors)).items())
    wanted = tuple(inner.meant(run.graph, to or [n.name for n in run.graph.inputs]).items())
    first = run.graph.inputs[0]
    examples, size = arrays.count(found) // first.type.batch, 256 if batch is None else whole("batch", batch, 1)
    seeds = {name: _factors(name, factors[name], run.graph.values[v].type, examples, state.dtype) for name, v in meant}
    key, parts = drawing.of_call(state, draw), list[dict[str, Array]]()
    for k in range(0, examples, size):
        some = {n.name: slice(k * n.type.batch, (k + size) * n.type.batch) for n in run.graph.inputs}
        read = {name: state.cut({name: found[name]}, where)[name] for name, where in some.items()}
        drawing.begin(bind(state, read), key, k)
        cut = {name: seeds[name][k * t : (k + size) * t] for name, t in ((n, run.graph.values[v].type.batch) for n, v in meant)}
        parts.append(run.derivatives(read, {n: np.ascontiguousarray(s) for n, s in cut.items()}, meant, wanted, guided,
                                     weights=state.vector("eval")))
    return {name: np.concatenate([p[name] for p in parts]) for name, _ in wanted}


def _factors(name: str, given: Any, t: Any, examples: int, dtype: Any) -> Array:
    full = (examples * t.batch, *(s or 0 for s in t.shape))
    try:
        return np.broadcast_to(np.asarray(given, dtype), full)
    except (TypeError, ValueError):
        raise misuse("wrong-shape", f"the factors of `{name}` do not fit it", f"it is {shape_text(full)}",
                     f"got {shape_text(np.shape(given)) or 'a single number'}", hint=f"np.ones({full})") from None
