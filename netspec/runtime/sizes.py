"""The executors of a network whose text leaves sizes of its input open (`input 3x?x?`): one for each size.

One of them, `net.executor`, holds the numbers. One that trains becomes it, and they move there, the optimiser's state included.
One that predicts gets a copy of the parameters whenever they have changed since. Of more than SIZES those used last are kept: what
a size takes (a plan, tables, arenas, a copy of the parameters) goes with its executor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..backends.executor import Executor
from ..backends.turns import Recent, Turn
from ..diagnostics import Advice
from ..ir.types import shape_text
from .devices import executor
from .misuse import misuse
from .train.averaging import AVERAGE

if TYPE_CHECKING:
    from .network import Network

SIZES = 8
Key = tuple[tuple[int, ...], ...]


class Sizes:
    """`seen` says which version of whose numbers an executor has."""

    def __init__(self) -> None:
        self.held: Recent[Key, Executor] = Recent(SIZES)
        self.seen: dict[Key, tuple[int, int]] = {}
        self.own: Key = ()  # the size that `net.executor` is for
        self.turn = Turn()

    def of(self, net: Network, key: Key) -> Executor:
        """The executor for these sizes, with the network's numbers; its own, where this thread may change them."""
        with self.turn.lock:
            self.held.get(self.own)  # that one is in use
            run = self.held.get(key) or self.held.put(key, _made(net, key))
            self.seen = {k: v for k, v in self.seen.items() if k in self.held}
            if run is net.executor:
                return run
            now = (id(net.store), net.store.version)
            if self.seen.get(key) != now or net.gate.owned:
                averages = (AVERAGE,) if net.taken else ()
                for p in net.graph.parameters:
                    run.set(p.name, net.store.get(p.name))
                    for slot in (*(net.state_of[1] if net.gate.owned else ()), *averages) if p.trainable else ():
                        run.set_state(slot, p.name, net.store.get_state(slot, p.name))
                self.seen[key] = now
            if net.gate.owned:
                net.take_over(run)
                self.own = key
            return run


def _made(net: Network, key: Key) -> Executor:
    """Raises where parameters are not what they are for other sizes."""
    assert net.remake is not None, "a graph with unknown sizes can only be run by what can elaborate it again"
    graph = net.remake({n.name: shape for n, shape in zip(net.graph.inputs, key)})
    had, has = ({p.name: p.shape for p in g.parameters} for g in (net.graph, graph))
    if had != has:
        name = next(k for k in {**had, **has} if had.get(k) != has.get(k))
        raise misuse("size-dependent", f"the parameters of {net.graph.name} depend on the size of its input",
                     f"{name} is {shape_text(had.get(name, ()) ) or 'absent'}, and {shape_text(has.get(name, ())) or 'absent'} for input {shape_text(key[0])}",
                     hint=Advice("state the size in the text, or put avgpool global before fc"))
    return executor(graph, net.device, str(net.dtype))
