"""The structure that a person would have written: from layers to blocks with parameters, repeats, residuals and branches.

    tree.py     the graph as nested sequences: residual, dense, branches, gates, and lines that name what is further above
    each.py     views are the body of an `each`
    own.py      what a file that was written here calls its layers,
    scopes.py   and the labels with which a text has the same names
    ties.py     what runs again with the same weights is `reuse`
    program.py  equal neighbours become `repeat`
    blocks.py   parts that differ in numbers alone become a `block`, by least general generalisation
    modules.py  what the modules of the program were that wrote the file
    names.py    what blocks and parameters are called
    labels.py   parts carry the names of the modules that they are
    refs.py     what the values are called that lines name
    text.py     the text

Which parts become blocks is decided by the length of the text, greedily; whatever comes out is compared with the file's graph
before anybody sees it (agree.py), and a flat text is there where it does not agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..meet import Layers, input_names
from .blocks import compressed
from .each import opened
from .labels import labelled
from .own import again
from .program import Program, repeats
from .refs import settled
from .scopes import labelled_steps, shared
from .scopes import scoped as scopes
from .term import NotSeries
from .text import chosen, classes
from .ties import tied
from .tree import tree


def texts(g: Layers, name: str, sizes: Mapping[str, tuple[int | None, ...]] | None = None, named: bool = True,
          scoped: bool = False) -> Iterator[str]:
    """Texts of a net, the best first: with blocks, with repeats alone. Nothing where its branches do not nest. `sizes` are those
    of the inputs where some are open;
    `named` says to look at the names of the file, `scoped` to keep all of them."""
    words, given = input_names(g), sizes or {}
    inputs = [(words[v] if len(words) > 1 else "", given.get(v, t.shape)) for v, t in g.inputs.items()]
    for whole in (True, False):
        try:
            body, usual = tree(g, named, scoped)
            opened(body)
            if scoped:
                shared(body, again(g).values())
                scopes(body)
                labelled_steps(body)
            labels = tied(body, set(words.values()))
        except NotSeries:
            return
        program = Program(name, inputs, body, usual, labels, scoped=scoped)
        if whole:
            program = compressed(program)
            labelled(program)
        else:
            repeats(program, plain=True)
        classes(program)
        settled(program, words)
        yield chosen(program)
