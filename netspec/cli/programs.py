"""What `show program`, `show kernels` and `emit` print: the stages behind the graph, for one entry of a network."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from ..diagnostics import UsageError, near

if TYPE_CHECKING:
    from ..ir.graph import Graph


def stages(graph: Graph, args: Namespace) -> dict[str, Graph]:
    """The program after each pass, by the pass's name."""
    from ..passes.lower import lower

    found: dict[str, Graph] = {}
    if args.entry == "predict":
        program = found["lower"] = lower(False)(graph)
    else:
        found["lower"] = lower(True)(graph)
        program = found["differentiate"] = _training(graph)
    _executor(graph, args).plan(program, fold=args.entry == "predict", after=found.__setitem__)
    return found


def program_text(graph: Graph, args: Namespace) -> str:
    """The program after `--after`, or after the last pass."""
    found = stages(graph, args)
    last = args.after or list(found)[-1]
    if last not in found:
        close = near(last, found)
        raise UsageError(f"no pass is called {last} here", f"the passes of {args.entry}: {', '.join(found)}", hint=f"did you mean {close}?" if close else None)
    return str(found[last])


def kernels_text(graph: Graph, args: Namespace) -> str:
    """The emitted module: one call per operation, the line of the spec and the formula above each."""
    from ..passes.lower import lower

    program = lower(False)(graph) if args.entry == "predict" else _training(graph)
    return str(_executor(graph, args).plan(program, fold=args.entry == "predict").text)


def _training(graph: Graph) -> Graph:
    from ..passes.objective import training_program
    from ..runtime.recipe import recipe_of

    return training_program(graph, recipe_of(graph).need_terms())


def _executor(graph: Graph, args: Namespace):  # type: ignore[no-untyped-def]
    from ..backends.cpu.executor import CpuExecutor

    if args.device != "cpu":
        raise UsageError(f"programs for {args.device} cannot be shown yet")
    return CpuExecutor(graph)
