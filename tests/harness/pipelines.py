"""The passes of every pipeline, one after the other, with the program before and after each: what tests of passes walk."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.backends.cpu.contract.schedule import sum_layouts
from netspec.backends.cpu.passes.assign_layouts import choose_block, store_layouts
from netspec.backends.cpu.pipeline import entries
from netspec.backends.cuda.plan import PROGRAM
from netspec.ir.graph import Graph
from netspec.ir.layout import Target
from netspec.passes import INFERENCE, TRAINING, Pass, Pipeline, given, name_of, names_of
from netspec.passes.lower import lower
from netspec.passes.objective import Term


def pipelines() -> dict[str, Pipeline]:
    """The whole way from a checked network to what a backend runs, by the backend and the entry."""
    return ({f"cpu {entry}": pipeline for entry, pipeline in entries().items()}
            | {"cuda predict": (*INFERENCE, *PROGRAM), "cuda gradients": (*TRAINING, *PROGRAM)})


def names() -> list[str]:
    return names_of(*pipelines().values())


def passes(graph: Graph, pipeline: str, terms: tuple[Term, ...] = (), item: int = 4) -> Iterator[Pass]:
    """The passes of a pipeline, with the options that this network gives them on a machine with 64-byte vectors."""
    forward = lower(False)(graph)
    target = choose_block(forward, Target("cpu", 64, item, precision=graph.precision))
    store = store_layouts(forward, lower(True)(graph), target)
    return given(pipelines()[pipeline], terms=terms, target=target, store=store, sums=sum_layouts)


def walk(graph: Graph, pipeline: str, terms: tuple[Term, ...] = (), item: int = 4) -> Iterator[tuple[str, Graph, Graph]]:
    """(pass, the program before it, the program after it)."""
    for p in passes(graph, pipeline, terms, item):
        after = p(graph).verify()
        yield name_of(p), graph, after
        graph = after
