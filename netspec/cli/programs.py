"""The programs and kernels of a net, for `show program` and `show kernels`."""

from __future__ import annotations

from argparse import Namespace

from ..ir.graph import Graph
from ..passes.objective import Term


def program_text(graph: Graph, args: Namespace) -> str:
    """The program of an entry as a pass leaves it; the last one's where none is named."""
    from ..backends.cpu.plan import program_after

    return str(program_after(graph, args.entry, _terms(graph), args.after, "float32"))


def kernels_text(graph: Graph, args: Namespace) -> str:
    """The readable module of an entry: every call and every kernel."""
    if args.device == "cuda":
        from ..backends.cuda.listing import emitted as listed

        return listed(graph, args.entry, _terms(graph))
    from ..backends.cpu.plan import emitted

    return emitted(graph, args.entry, _terms(graph), "float32")


def _terms(graph: Graph) -> tuple[Term, ...]:
    from ..runtime.train.recipe import recipe_of

    return recipe_of(graph).terms

