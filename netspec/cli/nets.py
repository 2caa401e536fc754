"""From `FILE[:NET] --set ... --input ...`, or a checkpoint or a run, to a graph."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..diagnostics import UsageError, render
from ..ir.types import Shape, shape_of
from ..terminal import columns

if TYPE_CHECKING:
    from ..ir.graph import Graph
    from ..runtime.freezing import Marks
    from ..runtime.origin import Origin
    from ..syntax.tree import Module

NAME = re.compile(r"[A-Za-z_]\w*")


def split(target: str) -> tuple[str, str | None]:
    """FILE and NET. A colon belongs to the path where a file of the whole name exists, or where no name follows it."""
    target = target.removeprefix(" ")
    file, colon, net = target.rpartition(":")
    if not colon or not file or os.path.exists(target) or not NAME.fullmatch(net):
        if colon and file and not net:
            raise UsageError(f"no net is named after the colon of {target}", hint=file)
        return target, None
    return file, net


def settings(args: Namespace) -> dict[str, str]:
    """`--set classes=10`: values as the language writes them."""
    found: dict[str, str] = {}
    for text in args.settings:
        name, equals, value = text.partition("=")
        if not equals or not NAME.fullmatch(name) or not value:
            raise UsageError(f"--set takes NAME=VALUE, and `{text}` is not that", hint="--set classes=10")
        if name in found:
            raise UsageError(f"--set gives {name} twice")
        found[name] = value
    return found


def input_shapes(args: Namespace, names: re.Pattern[str] = NAME) -> Shape | dict[str, Shape] | None:
    """`--input 3x224x224` as a shape, `--input left=1x105x105` as shapes by name; None where nothing was said. `names` is what an
    input may be called."""
    shapes: dict[str, Shape] = {}
    for text in args.inputs:
        name, _, size = text.rpartition("=")
        if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", size) or (name and not names.fullmatch(name)):
            raise UsageError(f"--input takes a shape, and `{text}` is none",
                             hint="--input 3x224x224   or   for one of several inputs:  --input left=1x105x105")
        if name in shapes:
            raise UsageError(f"--input gives {'the input ' + name if name else 'a shape'} twice")
        shapes[name] = shape_of(size)
    if "" in shapes:
        if len(shapes) > 1:
            raise UsageError("--input gives shapes with and without a name",
                             hint="name them all:  --input left=1x105x105 --input right=1x105x105")
        return shapes[""]
    return shapes or None


@dataclass(frozen=True)
class Meant:
    """What a command line names by FILE, FILE:NET, or a checkpoint or a run: a module, and how its net is made."""

    file: str
    module: Module
    net: str | None
    parameters: dict[str, Any]
    sizes: Shape | dict[str, Shape] | None = None
    precision: str | None = None
    weights: bool = True  # whether files of weights that the text names are looked for
    seen: dict[str, Shape] | None = None  # the sizes that a trained network has seen, where nobody says others
    factors: dict[str, dict[str, float]] | None = None  # of its parameters, which no spec says
    marks: Marks = ()  # which of its parts Python has frozen, or not
    data: str = ""  # what it was trained on, where that is not what its spec names

    def graph(self) -> Graph:
        """The graph of the net. Raises SpecError with everything that is wrong."""
        from ..elaborate.tree_to_graph import elaborate

        graph = elaborate(self.module, self.net, self.parameters, self.sizes or self.seen, self.weights)
        if self.marks:
            from ..runtime.freezing import marked

            graph = marked(graph, self.marks)
        return graph if self.precision is None else replace(graph, precision=self.precision)

    def origin(self, lines: Sequence[str] = ()) -> Origin:
        """The same for a network that is made, which reads all files of its spec now and then no more; with these lines in its
        train section."""
        from ..elaborate.alone import alone
        from ..runtime.origin import Origin

        module = alone(self.module)
        if lines:
            from ..elaborate.edited import with_lines

            module = with_lines(module, self.net, lines, self.graph())
        return Origin(module, self.net, self.parameters, self.sizes, self.precision, marks=self.marks)


def trained(target: str) -> str | None:
    """The checkpoint that FILE[:NET] means: one by its path, or that of a run whose folder it is. None where it is a spec."""
    from ..reading import weights_of

    found = None if target == "-" else weights_of(split(target)[0])
    return None if found is None else os.fspath(found)


def meant(target: str, parameters: dict[str, str] | None = None, sizes: Shape | dict[str, Shape] | None = None,
          precision: str | None = None) -> Meant:
    """What `target` names, with what the command line says of it."""
    file, net = split(target)
    if trained(target) is None:
        from ..elaborate.tree_to_graph import read_module
        from ..syntax.load import read_source

        return Meant(file, read_module(read_source(file)), net, dict(parameters or {}), sizes, precision)
    from ..runtime.io.stored import opened

    stored = opened(file)
    if net is not None and net != stored.net:
        raise UsageError(f"{stored.path} is of net {stored.net}, not of {net}", hint=file, code="which-net")
    anew = {k: v for k, v in (parameters or {}).items() if (k, v) == ("weights", "none")}
    if anew != (parameters or {}):
        raise UsageError(f"{stored.path} holds a trained network, whose parameters are set",
                         hint="without --set; the spec itself can be made with others")
    made = stored.origin(sizes, precision)
    return Meant(stored.path, made.module, made.net, {**(made.parameters or {}), **anew}, made.sizes, made.precision, False,
                 stored.sizes, stored.facts["factors"], made.marks, stored.facts["data"])


def open_net(args: Namespace) -> Graph:
    """The graph of the net a command line names; warnings go to standard error."""
    graph = meant(args.net, settings(args), input_shapes(args), getattr(args, "precision", None)).graph()
    for w in graph.warnings:
        if w.severity == "warning" and w.code != "lost-pixels":  # the summary counts those
            print(render(w, sys.stderr.isatty(), columns(sys.stderr)), end="\n\n", file=sys.stderr)
    return graph
