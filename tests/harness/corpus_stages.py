"""What each stage prints for a spec: the right halves of the corpus files."""

from __future__ import annotations

from collections.abc import Callable
from difflib import ndiff
from typing import Any

from netspec.diagnostics import render
from netspec.source import Source


def _source(text: str) -> Source:
    return Source("spec.net", text)


def _graph(text: str) -> Any:
    """The only net of the text that needs no arguments."""
    from netspec.elaborate.tree_to_graph import elaborate
    from netspec.syntax.parser import parse

    return elaborate(parse(_source(text)))


def tree(text: str) -> str:
    from netspec.syntax.parser import parse
    from netspec.syntax.shown_tree import shown_tree

    return shown_tree(parse(_source(text)))


def errors(text: str) -> str:
    """Every finding of `check`."""
    from netspec.elaborate.check import check_module
    from netspec.syntax.parser import parse_recovering

    return "\n\n".join(map(render, check_module(*parse_recovering(_source(text))))) or "no mistakes"


def shapes(text: str) -> str:
    return str(_graph(text))


def reports(text: str) -> str:
    from netspec.views.tables.summary import summarise

    return summarise(_graph(text)).to_text()


def diagrams(text: str) -> str:
    from netspec.views.drawing.diagram import diagram

    return diagram(_graph(text)).dot


def lower(text: str) -> str:
    from netspec.passes.lower import lower

    return str(lower(False)(_graph(text)))


def _trained(text: str) -> Any:
    """The training program of a net, lowered and differentiated, with what places its values on a 64-byte machine."""
    from netspec.backends.cpu.passes.assign_layouts import choose_block, store_layouts
    from netspec.ir.layout import Target
    from netspec.passes.differentiate import training_program
    from netspec.passes.lower import lower
    from netspec.runtime.train.recipe import recipe_of

    graph = _graph(text)
    forward = lower(False)(graph)
    target = choose_block(forward, Target("cpu", 64, 4))
    return training_program(graph, recipe_of(graph).terms), target, store_layouts(forward, lower(True)(graph), target)


def fuse(text: str) -> str:
    """The training program, fused."""
    from netspec.runtime.train.recipe import recipe_of
    from pipelines import walk

    graph = _graph(text)
    return next(str(after) for name, _, after in walk(graph, "cpu gradients", recipe_of(graph).terms) if name == "fuse")


def passes(text: str, name: str) -> str:
    """What the pass of a file's name takes out of a program and puts in, where it first changes one."""
    from netspec.runtime.train.recipe import recipe_of
    from pipelines import pipelines, walk

    graph = _graph(text)
    for pipeline in sorted(pipelines()):
        for p, before, after in walk(graph, pipeline, recipe_of(graph).terms):
            lines = [line for line in ndiff(_lines(before), _lines(after)) if line[0] in "+-"]
            if p == name and lines:
                return f"{pipeline}\n" + "\n".join(lines)
    return "nothing changes"


def _lines(graph: Any) -> list[str]:
    prepared = [] if graph.prepared is None else [f"prepared: {line}" for line in str(graph.prepared).splitlines()]
    return [*prepared, *str(graph).splitlines(), *([] if graph.memory is None else [str(graph.memory)])]


def memory(text: str) -> str:
    """Where every value of the training program lies."""
    from netspec.backends.cpu.plan import plan

    planned = plan(*_trained(text), fold=False)
    lines = [f"{v.name:32} {v.layout}" for n in planned.program.nodes for v in n.results]
    return "\n".join([str(planned.memory), *lines])


def kernels(text: str) -> str:
    """The functions of the emitted module, and its kernels."""
    from netspec.backends.cpu.module import entry_text
    from netspec.backends.cpu.plan import plan

    planned = plan(*_trained(text), fold=False)
    return "\n\n".join([entry_text("gradients", planned.schedule), *planned.schedule.kernels.values()])


STAGES: dict[str, Callable[[str], str]] = {
    "tree": tree, "errors": errors, "shapes": shapes, "reports": reports, "diagrams": diagrams, "lower": lower, "fuse": fuse,
    "memory": memory, "kernels": kernels,
}


def printed(stage: str, name: str, text: str) -> str:
    """What a stage prints for a corpus file of that name."""
    return passes(text, name) if stage == "passes" else STAGES[stage](text)
