"""Independent copies of a network: `copy.deepcopy(net)`, and `pickle`, which is how one reaches another process.

A copy has the parameters and buffers, the optimiser's state, averages, counters, record and recipe, and memory of its own; it
trains on to the same bits. Gradients, plans and what the last `forward` saw are not copied. A pickle holds the graph and the
parsed spec, so it needs no file, unless the spec leaves sizes open and imports others.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .train.averaging import AVERAGE

if TYPE_CHECKING:
    from .network import Network

Facts = dict[str, Any]
_SHARED = ("graph", "recipe", "remake")  # what never changes in place


def facts(net: Network) -> Facts:
    """All of a network as plain values and arrays that are nobody else's."""
    with net.gate.shared():
        own = {k: v for k, v in vars(net).items() if k not in net.machinery}
        slots = (*net.state_of[1], *((AVERAGE,) if net.taken else ()))
        return {"facts": {k: v if k in _SHARED else deepcopy(v) for k, v in own.items()},
                "numbers": {p.name: net.store.get(p.name) for p in net.graph.parameters},
                "state": {slot: {p.name: net.store.get_state(slot, p.name) for p in net.graph.parameters if p.trainable}
                          for slot in slots}}


def restored(cls: type[Network], held: Facts) -> Network:
    """The network of such facts."""
    net = cls.__new__(cls)
    vars(net).update(held["facts"])
    net.assemble()
    for name, value in held["numbers"].items():
        net.store.set(name, value)
    for slot, values in held["state"].items():
        for name, value in values.items():
            net.store.set_state(slot, name, value)
    return net
