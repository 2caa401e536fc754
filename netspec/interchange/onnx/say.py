"""From a file to a text whose graph is the file's, and its weights by the text's names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ...diagnostics import NetspecError
from ...elaborate.tree_to_graph import elaborate, read_module
from ...ir.graph import Graph
from ...layers.parts.images import VIEWS
from ...syntax.load import source_of
from . import agree, flat, recover
from .load import constants, load
from .meet import Layers, identifier, input_names, layers, output_names
from .need import trouble
from .plain import BATCH, Plain, evaluated
from .views import unfolded

Sizes = Mapping[str, tuple[int, ...]]  # of inputs by name; "" is any
ANOTHER = 32  # how much larger the inputs are at which a text with open sizes is tried as well


@dataclass(frozen=True)
class Said:
    """A file said in the language."""

    text: str
    weights: dict[str, Any]
    model: Any
    batch: int
    inputs: dict[str, tuple[str, tuple[int, ...]]]  # of the text, with their names in the file and their shapes in the text
    outputs: tuple[str, ...]  # of the text, in the order of the file
    note: str = ""


def said(path: str | os.PathLike[str], sizes: Sizes | None = None) -> Said:
    """The text and the weights of a file. Raises NetspecError with everything that is in the way."""
    model, folder, name = load(path), Path(path).parent, identifier(Path(path).stem)
    try:
        return _said(model, folder, name, sizes)
    except NetspecError:
        for views, other in unfolded(model, constants(model, folder)):
            try:
                found = _said(other, folder, name, sizes)
            except NetspecError:
                continue
            if f"each {VIEWS}:" not in found.text:  # nothing is done to one view by itself
                continue
            note = f"the text has the {views} views of an example as an axis of its input, the file has them as its batch"
            return replace(found, note="; ".join(filter(None, (note, found.note))))
        raise


def _said(model: Any, folder: Path, name: str, sizes: Sizes | None) -> Said:
    evaluate, plain, g = _met(model, folder, sizes)
    note = ""
    unsettled = {v: shape for v, shape in plain.open.items() if None in shape}
    found = None
    if unsettled:
        other = {v: tuple(w + ANOTHER if s is None else w for w, s in zip(plain.inputs[v][1:], shape))
                 for v, shape in unsettled.items()}
        found = _open(g, name, plain.open, lambda: layers(evaluate(other)))
        note = "" if found else "the text is for one size: at another the file has other layers, or none"
    found = found or _agreed(g, name)
    if found is None:
        raise trouble("not-the-same", "no text was found whose graph is the file's", *_unsaid(g, name))
    text, pairs, graph = found
    shapes = {n.name: (v, plain.inputs[v][1:]) for n, v in zip(graph.inputs, plain.inputs)}
    words = tuple(output_names(g)) if len(g.outputs) > 1 else tuple(w for w, _ in graph.outputs)
    return Said(text, agree.weights(pairs), model, plain.batch, shapes, words, note)


Evaluate = Callable[[Sizes | None], Plain]


def _met(model: Any, folder: Path, sizes: Sizes | None) -> tuple[Evaluate, Plain, Layers]:
    """The plain graph at given sizes, and its layers; where there are none, with a batch of one, which some files have written
    into them. Raises NetspecError, as the first way has it."""
    refusal: NetspecError | None = None
    for batch in (BATCH, 1):
        evaluate = partial(evaluated, model, folder, batch=batch)
        try:
            plain = evaluate(sizes)
            return evaluate, plain, layers(plain)
        except NetspecError as e:
            refusal = refusal or e
    assert refusal is not None
    raise refusal


Agreed = tuple[str, list[Any], Graph]


def _texts(g: Layers, name: str, sizes: dict[str, tuple[int | None, ...]] | None) -> Iterator[str]:
    """Texts that may be the file's, the best first."""
    if g.ours:
        yield from recover.texts(g, name, sizes, scoped=True)
    for named in (True, False):
        yield from recover.texts(g, name, sizes, named)
    yield flat.written(g, name, sizes)


def _agreed(g: Layers, name: str) -> Agreed | None:
    """The first text whose graph is the file's."""
    for text in _texts(g, name, None):
        graph = graph_of(text)
        if graph is not None and (pairs := agree.pairs(g, graph)) is not None:
            return text, pairs, graph
    return None


def _open(g: Layers, name: str, sizes: dict[str, tuple[int | None, ...]], other: Callable[[], Layers]) -> Agreed | None:
    """The same with sizes left open: it must be the file's graph at two sizes."""
    try:
        again = other()
    except NetspecError:
        return None
    for text in _texts(g, name, sizes):
        one, two = (graph_of(text, {word: tuple(at.inputs[v].shape) for v, word in input_names(at).items()}) for at in (g, again))
        if one is None or two is None or agree.pairs(again, two) is None:
            continue
        pairs = agree.pairs(g, one)
        if pairs is not None:
            return text, pairs, one
    return None


def _unsaid(g: Layers, name: str) -> list[str]:
    """Which node is in the way, where the plainest text is refused."""
    head, lines = flat.parts(g, name)
    try:
        elaborate(read_module(source_of("\n".join([*head, *map(str, lines)]) + "\n")), None, {}, None)
    except NetspecError as e:
        d = e.diagnostics[0]
        if d.labels and 0 <= (k := d.labels[0].span.line - len(head) - 1) < len(lines):
            made = g.maker.get(lines[k].output)
            return [f"{made.path if made else name}: it would be `{lines[k].step}`, and {d.title}", *(w.text for w in d.labels if w.text), *d.notes]
        return [d.title]
    return []


def graph_of(text: str, sizes: Any = None) -> Graph | None:
    """The graph of a text; None where it is none."""
    try:
        return elaborate(read_module(source_of(text)), None, {}, sizes)
    except NetspecError:
        return None
