"""Syntax tree to graph: names found, blocks called, shapes inferred, every step checked.

    net = elaborate(parse(read_source("specs/lenet.net")))

A layer's own shape rule is called as the layer is placed, since `in.channels` needs it. One run reports every
independent mistake; what depends on one is not reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..diagnostics import Diagnostic, Label, SpecError, UsageError, in_order, told
from ..ir.graph import Graph
from ..source import Source
from ..syntax import tree
from ..syntax.parser import parse_recovering
from .check import check_module
from .model.files import UNKNOWN, Library
from .nets import is_net, listed, no_such_net, only_net
from .one_net import elaborated


def elaborate(module: tree.Module, net: str | None = None, parameters: Mapping[str, object] = {}, input: Any = None,
              weights: bool = True) -> Graph:
    """The graph of one net. `parameters` are the net's, as Python values or as texts the way `--set classes=10` gives them;
    `input` binds `?` and other sizes: a shape, or shapes by name. Without `weights` no file of weights that the text names is
    looked for. Raises SpecError with everything that is wrong."""
    if net is not None and not isinstance(net, str):
        raise UsageError(f"net= is the name of a net, not a {type(net).__name__}", *listed(module), code="which-net")
    library = Library()
    file = library.add(module)
    name = net if net is not None else only_net(module)
    macro = file.definitions.get(name)
    if macro is None or macro is UNKNOWN or not is_net(macro):
        no_such_net(module, name, macro)
    e, graph = elaborated(library, file, macro, parameters, input, weights)
    errors = e.findings.mistakes
    if graph is None and not errors:  # a tree with lines set aside: whoever parsed it knows them
        raise SpecError(Diagnostic("syntax", f"{module.source.name} has lines that could not be read",
                                   (Label(macro.item.name_span),)))
    if errors or graph is None:  # what else is wrong with the file is said in the same breath
        raise SpecError(*told(in_order([*e.findings.all, *check_module(module)])))
    return graph


def read_module(source: Source) -> tree.Module:
    """The tree of a spec that is about to be elaborated. Where a line cannot be read, SpecError says all that `check` says."""
    module, mistakes = parse_recovering(source)
    if mistakes:
        raise SpecError(*told(check_module(module, mistakes)))
    return module
