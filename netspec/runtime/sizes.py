"""The executors of a network whose text leaves sizes of its input open (`input 3x?x?`): one for each size.

One of them, `state.executor`, holds the numbers. One that trains becomes it, and they move there, the optimiser's vectors
included. One that predicts gets a copy of the parameters whenever they have changed since. Of more than SIZES those used last are
kept: what a size takes (a plan, tables, arenas, a copy of the parameters) goes with its executor.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..backends.executor import Executor
from ..diagnostics import Advice
from ..ir.graph import Graph
from ..ir.types import shape_text
from .devices import executor
from .misuse import misuse
from .state import AVERAGE, Array, Sizes, State

Key = tuple[tuple[int, ...], ...]


def bind(state: State, found: Mapping[str, Array]) -> Executor:
    """The executor for inputs of these sizes."""
    if state.sizes is None:
        assert state.executor is not None
        return state.executor
    return _of_size(state, state.sizes, tuple(found[n.name].shape[1:] for n in state.graph.inputs))


def of_sizes(state: State, found: Mapping[str, Array]) -> Graph:
    """The graph for inputs of these sizes. Nothing of the network changes, so any thread may ask while another one trains."""
    if state.sizes is None:
        return state.graph
    key = tuple(found[n.name].shape[1:] for n in state.graph.inputs)
    with state.sizes.turn.lock:
        state.sizes.held.get(state.sizes.own)  # that one is in use
        return (state.sizes.held.get(key) or state.sizes.held.put(key, _made(state, key))).graph


def _of_size(state: State, sizes: Sizes, key: Key) -> Executor:
    """The executor for these sizes, with the network's numbers; its own, where this thread may change them."""
    with sizes.turn.lock:
        sizes.held.get(sizes.own)  # that one is in use
        run = sizes.held.get(key) or sizes.held.put(key, _made(state, key))
        sizes.seen = {k: v for k, v in sizes.seen.items() if k in sizes.held}
        if run is state.executor:
            return run
        now = (id(state.store), state.store.version)
        if sizes.seen.get(key) != now or state.gate.owned:
            _copy(state, run)
            sizes.seen[key] = now
        if state.gate.owned:
            state.executor = state.store = run
            state.differentiated = False
            sizes.own = key
        return run


def _copy(state: State, run: Executor) -> None:
    """Give an executor the numbers: those that predict, or all where this thread may train."""
    slots = (*(state.optimiser.slots if state.gate.owned else ()), *((AVERAGE,) if state.average.taken else ()))
    for name, p in state.declared.items():
        run.set(name, state.store.get(name))
        for slot in slots if p.trainable else ():
            run.set_state(slot, name, state.store.get_state(slot, name))


def _made(state: State, key: Key) -> Executor:
    """Raises where parameters are not what they are for other sizes."""
    assert state.origin is not None, "a graph with unknown sizes can only be run by what can elaborate it again"
    graph = state.origin.graph({n.name: shape for n, shape in zip(state.graph.inputs, key)})
    had, has = ({p.name: p.shape for p in g.parameters} for g in (state.graph, graph))
    if had != has:
        name = next(k for k in {**had, **has} if had.get(k) != has.get(k))
        raise misuse("size-dependent", f"the parameters of {state.graph.name} depend on the size of its input",
                     f"{name} is {shape_text(had.get(name, ()) ) or 'absent'}, and {shape_text(has.get(name, ())) or 'absent'} for input {shape_text(key[0])}",
                     hint=Advice("state the size in the text, or put avgpool global before fc"))
    return executor(graph, state.device, str(state.dtype))
