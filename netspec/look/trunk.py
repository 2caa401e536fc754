"""The part of a network that makes some of its values, for pictures of any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..passes.drop_dead import drop_dead
from ..runtime import inner
from ..runtime.misuse import misuse
from ..runtime.network import Network
from ..runtime.state import AVERAGE
from .asked import input_of


def trunk(net: Network, named: Mapping[str, str], size: tuple[int, ...]) -> Network:
    """A network whose outputs are values of this one, called as `named` says of each, and whose input has these places: with its
    weights, and without whatever those values are not made from, so that nothing after them has to fit.

    Errors: a name that nothing has; weights of the part itself that depend on the size.
    """
    one, graph = input_of(net), net.graph
    if tuple(one.type.spatial) != tuple(size) and net.state.origin is not None:
        graph = net.state.origin.graph({one.name: (one.type.channels or 3, *size)})
    found = inner.meant(graph, list(named.values()))
    part = drop_dead(replace(graph, outputs=tuple((public, found[name]) for public, name in named.items()), training=None))
    made = Network(part, net.device, str(net.dtype))
    had = {**net.parameters, **net.buffers} | (net.state.slot(AVERAGE) if net.averaged else {})
    for p in part.parameters:
        if had[p.name].shape != p.shape:
            raise misuse("size-dependent", f"the weights of {p.name} depend on the size of the picture", f"they are {had[p.name].shape}, "
                         f"and would be {p.shape} for {'x'.join(map(str, size))}", hint="")
    made.set_parameters({p.name: had[p.name] for p in part.parameters})
    return made
