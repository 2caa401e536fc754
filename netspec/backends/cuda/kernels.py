"""Kernels of formulas that are no large contraction: a thread, or a block of threads, for each place of a result.

The first formula of a kernel decides how it runs; the maps behind it, on the same places, go along while its numbers are in
registers. Nothing is added up in an order that depends on chance, so a run gives the same bits as the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from ...ir.formula import Formula
from ...ir.graph import Node
from ...ir.types import TensorType
from .body import THREADS, Body, Kernel, followed, place_names, sizes_of
from .places import Place
from .solve import solve

LONG = 512  # terms of a sum from which on a block of threads adds them up


@dataclass(frozen=True)
class Group:
    """Formulas that run as one kernel, and those of their results that something else reads."""

    nodes: tuple[Node, ...]
    stored: frozenset[str]


def per_item(group: Group, types: Mapping[str, TensorType], places: Mapping[str, Place]) -> Kernel:
    """A thread for each place."""
    host = group.nodes[0]
    body = start(group, types, places)
    count = prod(s or 0 for s in host.type.shape)
    total = f"N * {host.type.batch * count}" if host.type.batch else str(count)
    body.line("item = cuda.grid(1)")
    body.open(f"if item < {total}:")
    body.decode("item", place_names(host, sizes_of(host.type)), sizes_of(host.type))
    finish(body, group, body.value(host), "item")
    return body.kernel("each", (host.type.batch * count, 0) if host.type.batch else (0, count), THREADS)


def per_block(group: Group, types: Mapping[str, TensorType], places: Mapping[str, Place]) -> Kernel:
    """A block of threads for each place: each adds up every 256th term in double precision, then they add in pairs."""
    host = group.nodes[0]
    f = host.formula
    body = start(group, types, places)
    sizes = sizes_of(host.type)
    extents = body.extents(host, f, host.inputs, False)
    found = solve(f.target, sizes, extents)
    body.line(f"shared = cuda.shared.array({THREADS}, float64)")
    body.line("thread = cuda.threadIdx.x")
    body.line("item = cuda.blockIdx.x")
    body.decode("item", found.places, sizes)
    body.line("total = float64(0.0)")
    # the batch varies slowest
    running = sorted([(i, extents[i]) for i in (*f.reduced, *found.loops)], key=lambda r: isinstance(r[1], int))
    known = prod(e for _, e in running if isinstance(e, int))
    terms = " * ".join([*(str(e) for _, e in running if not isinstance(e, int)), str(known)])
    body.open(f"for term in range(thread, {terms}, {THREADS}):")
    body.decode("term", tuple(i for i, _ in running), tuple(e for _, e in running))
    body.run(found.steps)
    body.guard(f, host.inputs, extents)
    body.line(f"total += float64({body.right(host, f, host.inputs, {})})")
    body.depth = 1
    body.line("shared[thread] = total")
    body.line("cuda.syncthreads()")
    width = THREADS // 2
    while width:
        body.open(f"if thread < {width}:")
        body.line(f"shared[thread] += shared[thread + {width}]")
        body.depth = 1
        body.line("cuda.syncthreads()")
        width //= 2
    body.open("if thread == 0:")
    body.line("acc = F(shared[0])")
    finish(body, group, ("acc",), "item")
    count = prod(s or 0 for s in host.type.shape)
    return body.kernel("sum", (host.type.batch * count, 0) if host.type.batch else (0, count), 1)


def is_long(n: Node, types: Mapping[str, TensorType]) -> bool:
    """Whether a sum is worth a block of threads."""
    f = n.op
    if not isinstance(f, Formula) or f.how != "+=":
        return False
    extents = f.extents(tuple(types[i] for i in n.inputs), tuple(v.type for v in n.results))
    return "n" in f.reduced or prod(extents[i] for i in f.reduced) >= LONG


def start(group: Group, types: Mapping[str, TensorType], places: Mapping[str, Place]) -> Body:
    body = Body(types, places)
    for n in group.nodes:
        body.line(f"# {n.op}")
    return body


def finish(body: Body, group: Group, held: tuple[str, ...], number: str) -> None:
    """Store the host's results at the element of this number, run the maps that go along, store theirs."""
    host = group.nodes[0]
    for v, source in zip(host.results, held):
        body.held[v.name] = source
        if v.name in group.stored:
            body.store(v.name, number, source)
    for n in group.nodes[1:]:
        (source,) = body.value(n, followed(host, n))
        body.held[n.name] = source
        if n.name in group.stored:
            body.store(n.name, number, source)
