"""Networks to and from other programs' files: what interchange/ reads and writes, with a network to run it.

A file is checked before it is written: what the program that reads it will compute is compared with what the network computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from ..backends.turns import reads
from ..diagnostics import Advice, NetspecError
from ..elaborate.tree_to_graph import read_module
from ..interchange.onnx.halves import in_float32
from ..interchange.onnx.load import beside, names_beside
from ..interchange.onnx.need import onnx
from ..interchange.onnx.run import AGREES, difference, outputs
from ..interchange.onnx.say import Said, said
from ..interchange.onnx.write import Written, checked_opset, model, without_preparations
from ..reading import irregular, opened
from ..syntax.load import source_of
from ..words.preparation import Preparation
from . import calls
from .io.whole import write
from .misuse import flag, misuse, path_of
from .origin import Origin
from .state import AVERAGE, State
from .train.recipe import Recipe
from .values import checked

Array = NDArray[Any]
TRIED = (64, 128, 224, 256, 320, 512)  # sizes of open axes that a net is run at to be compared
EXAMPLES = 2
ROUNDINGS = 10  # how many times as far as by a last digit of the inputs all roundings may move outputs
STEEP = 0.01  # how far at most


@reads
def export(state: State, path: Any, opset: Any, prepare: Any, force: Any) -> str:
    """Write a network as an ONNX file. Returns how it was compared, in a line."""
    where = path_of(path)
    if where.suffix.lower() != ".onnx":
        raise misuse("bad-value", f"the name of an ONNX file ends in .onnx, and {where.name}'s does not",
                     hint=f"{where.with_suffix('.onnx').name}")
    onnx()
    numbers = {name: a.astype(np.float32) for name, a in state.numbers().items()}
    if state.average.used:
        numbers |= {name: a.astype(np.float32) for name, a in state.slot(AVERAGE).items()}
    prepared = flag("prepare", prepare)
    place = where.with_name(f"{where.name}.data")  # of numbers that are too many for the file itself
    made = model(state.graph if prepared else without_preparations(state.graph), numbers, checked_opset(opset), place.name)
    told = _judged(lambda: _compared(state, made, prepared), flag("force", force), "the file", "the network computes")
    if not made.beside:
        left = place.is_file() and place.name in names_beside(where)
        write(where, made.model.SerializeToString())
        if left:  # by the file that was there and is replaced
            place.unlink()
        return told
    if (what := irregular(where)) is not None:
        raise misuse("unwritable-file", f"{where} cannot be written: it is {what}, not a file")
    # a model never stands beside the numbers of another one, not even where this is cut short
    write(place, made.pieces(), last=lambda: where.unlink(missing_ok=True))
    write(where, made.model.SerializeToString())
    return f"{told}; {sum(a.nbytes for a in made.beside.values()) / 1e9:.1f} GB of numbers are in {place.name} beside it"


class Compared(NamedTuple):
    """How far two programs' outputs are from each other, what ran the file, and how far the network's own outputs move where its
    inputs do in their last digit."""

    apart: float
    how: str
    moves: Callable[[], float]


def _judged(compare: Callable[[], Compared], force: bool, file: str, ours: str) -> str:
    """How a file was compared, in a line. Raises where it computes something else, or nothing here runs it, unless `force`.
    No two programs round alike: where the network makes much of that, as deep ones with their first weights may, so much is
    allowed."""
    try:
        apart, how, moves = compare()
    except NetspecError as e:
        if not force or e.diagnostics[0].code != "not-run":
            raise
        return "not compared, as nothing here runs it"
    said = ""
    if AGREES < apart < STEEP and apart <= ROUNDINGS * (own := moves()):
        said = f"; the network's own move by {own:.1e} where its inputs do in their last digit"
    elif apart > AGREES and not force:
        raise misuse("not-the-same", f"what {how} makes of {file} is not what {ours}",
                     f"the outputs differ by {apart:.2g} of the largest number, and {AGREES:g} is allowed",
                     hint=Advice("nothing was written; --force (force=True) writes it all the same"))
    return f"outputs within {apart:.1e} of each other, by {how}{said}"


def _farthest(one: Iterable[Array], other: Iterable[Array]) -> float:
    return max(difference(a, b) for a, b in zip(one, other))


def _values(outputs: Any) -> list[Array]:
    return list(outputs.values()) if isinstance(outputs, dict) else [outputs]


def _moves(state: State, x: dict[str, Array], found: Any) -> float:
    """How far the outputs are from what was found where every input is the next number, above or below."""
    rng = np.random.default_rng(1)
    nearly = {name: np.nextafter(a, rng.choice(np.array([-np.inf, np.inf], np.float32), a.shape)) for name, a in x.items()}
    return _farthest(_values(calls.predict(state, nearly, None, None)), _values(found))


def _compared(state: State, made: Written, prepared: bool) -> Compared:
    """The outputs of a model and the network's on random inputs."""
    refusal: NetspecError | None = None
    for size in TRIED if state.sizes is not None else TRIED[:1]:
        shapes = {n.name: tuple(size if s is None else s for s in n.type.shape) for n in state.graph.inputs}
        rng = np.random.default_rng(0)
        x = {name: rng.standard_normal((EXAMPLES, *shape)).astype(np.float32) for name, shape in shapes.items()}
        try:
            found = calls.predict(state, x, None, None)
        except NetspecError as e:  # too small an input
            refusal = e
            continue
        got, how = outputs(made.model, x if prepared else _after_preparations(state, x), made.beside)
        return Compared(_farthest(got.values(), _values(found)), how, partial(_moves, state, x, found))
    assert refusal is not None
    raise refusal


def _after_preparations(state: State, x: dict[str, Array]) -> dict[str, Array]:
    """The inputs as the layers behind the preparations see them."""
    last = {name: name for name in x}
    for n in state.graph.nodes:
        if isinstance(n.op, Preparation):
            source = next(name for name, value in last.items() if value == n.inputs[0])
            last[source] = n.name
    return {name: x[name] if v == name else calls.activations(state, x, [v], None, None)[v].astype(np.float32)
            for name, v in last.items()}


def imported(path: Any, output: Any, sizes: Any, force: Any, device: str = "cpu") -> tuple[State, str]:
    """Write an ONNX file as a text and its weights: `output` and, beside it, what is called as it and ends in .safetensors.
    Returns the network, and how it was compared, in a line."""
    source = path_of(path)
    where = path_of(source.with_suffix(".net") if output is None else output)
    if where.suffix != ".net":
        raise misuse("bad-value", f"the name of a spec ends in .net, and {where.name}'s does not", hint=f"{where.with_suffix('.net').name}")
    found = said(source, {"": sizes} if isinstance(sizes, tuple) else sizes)
    origin = Origin(read_module(source_of(found.text)))
    state = State(origin.graph(), device, None, 0, Recipe(), origin)
    for name, a in found.weights.items():
        state.put(name, checked(state.declared[name], a, state.dtype))
    told = _judged(lambda: _of_file(state, found, source), flag("force", force), source.name, "the text computes")
    weights = where.with_suffix(".safetensors")
    for place in (where, weights):  # before either is written
        if (what := irregular(place)) is not None:
            raise misuse("unwritable-file", f"{place} cannot be written: it is {what}, not a file")
    write(weights, safetensors.numpy.save({k: np.ascontiguousarray(a) for k, a in found.weights.items()}))
    before = _replaced(where, found.text.encode())
    write(where, found.text.encode())
    return state, "; ".join([f"{len(found.text.splitlines())} lines, {told}", *([found.note] if found.note else []), *before])


def _replaced(where: Path, text: bytes) -> list[str]:
    """What to say where another text stands in the place of this one."""
    try:
        with opened(where) as f:
            same = f.read(len(text) + 1) == text
    except FileNotFoundError:
        same = True
    except OSError:
        same = False
    return [] if same else [f"another {where.name} was there, and is replaced"]


def _of_file(state: State, found: Said, source: Path) -> Compared:
    """The outputs of the text and the file's on random inputs."""
    rng = np.random.default_rng(0)
    x = {name: rng.standard_normal((found.batch, *shape)).astype(np.float32) for name, (_, shape) in found.inputs.items()}
    model, apart = found.model, beside(found.model, source.parent)
    whole = in_float32(model, apart)
    model, apart = whole or (model, apart)
    kinds = {i.name: onnx().helper.tensor_dtype_to_np_dtype(i.type.tensor_type.elem_type) for i in model.graph.input}
    want, how = outputs(model, {there: x[name].astype(kinds[there]) for name, (there, _) in found.inputs.items()}, apart)
    how += ", in float32, where the file has half precision" if whole else ""
    got = calls.predict(state, x, None, None)
    mine = [got[word] for word in found.outputs] if isinstance(got, dict) else [got]
    theirs = [w.reshape(g.shape) if w.size == g.size else w for g, w in zip(mine, want.values())]
    return Compared(_farthest(mine, theirs), how, partial(_moves, state, x, got))
