"""The structure that a person would have written: from layers to blocks with parameters, repeats, residuals and branches.

    tree.py     the graph as nested sequences, along its dominators: residual, dense, branches, gates
    program.py  equal neighbours become `repeat`
    blocks.py   parts that differ in numbers alone become a `block`, by least general generalisation
    names.py    what blocks, parameters and parts are called
    text.py     the text

Which parts become blocks is decided by the length of the text, greedily; whatever comes out is compared with the file's graph
before anybody sees it (agree.py), and a flat text is there where it does not agree.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..meet import Layers
from .blocks import compressed
from .names import labelled
from .program import Program, repeats
from .text import classes, render
from .tree import NotSeries, tree


def texts(g: Layers, name: str, sizes: tuple[int | None, ...] | None = None, named: bool = True) -> Iterator[str]:
    """Texts of a net with one input, the best first: with blocks, with repeats alone. Nothing where its branches do not nest."""
    if len(g.inputs) > 1:
        return
    for whole in (True, False):
        try:
            shape, body, epsilon = tree(g, named)
        except NotSeries:
            return
        program = Program(name, sizes or shape, body, epsilon)
        if whole:
            program = compressed(program)
            labelled(program)
        else:
            repeats(program, plain=True)
        classes(program)
        yield render(program)
