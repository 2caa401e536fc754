"""The part of a network that makes some of its values, for pictures of any size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..passes.drop_dead import drop_dead
from ..passes.infer_shapes import infer_shapes
from ..runtime import inner
from ..runtime.misuse import misuse
from ..runtime.network import Network
from ..runtime.state import AVERAGE
from ..words import WordError
from .asked import input_of


def trunk(net: Network, named: Mapping[str, str], size: tuple[int, ...]) -> Network:
    """A network whose outputs are values of this one, called as `named` says of each, and whose input has these places: with its
    weights, and without whatever those values are not made from, so that nothing after them has to fit.

    Errors: a name that nothing has; a part in which a window or the weights do not fit the size.
    """
    one = input_of(net)
    found = inner.meant(net.graph, list(named.values()))
    part = drop_dead(replace(net.graph, outputs=tuple((public, found[name]) for public, name in named.items()), training=None))
    try:
        part = infer_shapes({one.name: (one.type.channels or 3, *size)})(part)
    except WordError as w:
        raise misuse("size-dependent", f"what makes {', '.join(dict.fromkeys(named.values()))} does not fit pictures of "
                     f"{'x'.join(map(str, size))}", w.message, *w.notes, hint=f"input {one.type} is what it was made for") from None
    made = Network(part, net.device, str(net.dtype))
    had = {**net.parameters, **net.buffers} | (net.state.slot(AVERAGE) if net.averaged else {})
    made.set_parameters({p.name: had[p.name] for p in part.parameters})
    return made
