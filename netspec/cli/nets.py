"""From `FILE[:NET] --set ... --input ...` to a graph."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from ..diagnostics import UsageError, render
from ..ir.types import Shape, shape_of

if TYPE_CHECKING:
    from ..ir.graph import Graph
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


def input_shapes(args: Namespace) -> Shape | dict[str, Shape] | None:
    """`--input 3x224x224` as a shape, `--input left=1x105x105` as shapes by name; None where nothing was said."""
    shapes: dict[str, Shape] = {}
    for text in args.inputs:
        name, _, size = text.rpartition("=")
        if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", size) or (name and not NAME.fullmatch(name)):
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


def module_of(file: str) -> Module:
    from ..elaborate.tree_to_graph import read_module
    from ..syntax.load import read_source

    return read_module(read_source(file))


def open_net(args: Namespace) -> Graph:
    """The graph of the net a command line names; warnings go to standard error."""
    from ..elaborate.tree_to_graph import elaborate

    file, net = split(args.net)
    graph = elaborate(module_of(file), net, settings(args), input_shapes(args))
    if getattr(args, "precision", None):
        graph = replace(graph, precision=args.precision)
    for w in graph.warnings:
        if w.severity == "warning" and w.code != "lost-pixels":  # the summary counts those
            print(render(w, sys.stderr.isatty()), end="\n\n", file=sys.stderr)
    return graph

