"""Nodes become layers: each layer is shown what ends in a node, and the one that explains most of the nodes takes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...ir.types import TensorType, shape_text
from ...layers.dense.fc import Fc
from ...layers.moves.flatten import Flatten
from ...syntax.refused import RESERVED
from ...words import WordError
from ...words.layer import LAYERS, STRUCTURAL
from ...words.onnx import Read
from ...words.word import arguments, spelled
from .affine import CONVOLUTIONS
from .need import onnx, trouble
from .patterns import found, patterns
from .plain import Plain, Seen

Array = NDArray[Any]

WANTED = {  # what an operator outside of the language would take
    "Transpose": "the batch comes first: only axes behind it change places, by `permute`",
    "MatMul": "a product of two values, or along another axis than the channels of a vector, would need a layer of its own",
    "Gemm": "a product of two values would need a layer of its own",
    "Div": "a quotient of two values would need a merge that divides",
    "Mul": "a value that is repeated over places of one axis alone, or a constant for each place, would need a layer that spreads it",
    "Add": "a value that is repeated over channels, or a constant for each place, would need a layer that spreads it",
    "Sub": "a value that is repeated over channels, or a constant for each place, would need a layer that spreads it",
    "Gather": "picking channels by a list would need a layer of its own; neighbouring ones are `channels`",
    "ReduceMean": "over the channels it is `mean over=channels`, over all places `avgpool global`; others would need a layer of their own",
    "ReduceMax": "over the channels it is `max over=channels`, over all places `maxpool global`; others would need a layer of their own",
    "Reshape": "what joins the batch with other axes (but for views of an example, which are an axis of its input), or has more than four of them, is no value of the language",
    "Resize": "`up` makes whole multiples of a size, or the size of another value: others would need a layer that is told the size",
    "LayerNormalization": "over all axes it is `layer_norm`, over the channels `layer_norm channels`: others would need a `permute` around it",
    "Softmax": "over the channels it is `softmax`, over all places `softmax over=places`: others would need a `permute` around it",
    "Slice": "neighbouring channels are `channels`, places `crop`: what goes backwards, or takes channels in steps, would need a layer of its own",
    "Concat": "along another axis than the channels it would need a `permute` around it",
    "Tile": "channels once more are a `concat` of a value with itself, every place several times is `up`: others would need a layer of their own",
    "LSTM": "the language has no recurrent layers",
    "GRU": "the language has no recurrent layers",
    "RNN": "the language has no recurrent layers",
}
ENOUGH = 1000  # numbers that are looked at to see whether chance could have made them equal
FEW = 16  # different ones that a formula may have made: a blur, bilinear weights
OTHERWISE = "it would take a layer of its own, in one file: `netspec explain no-layer` says how"
QUANTISED = "the file is quantised: import the floating-point model that it was made of"


@dataclass(eq=False)
class Piece:
    """A layer where it stands: what it reads, what it makes, its numbers, and the node of the file that it ends in."""

    layer: Any
    inputs: list[str]
    output: str
    type: TensorType
    arrays: dict[str, Array] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()  # the constants of the file that its numbers are
    path: str = ""


@dataclass
class Layers:
    """The graph of a file, of layers: `pieces` in order, each after what it reads."""

    name: str
    inputs: dict[str, TensorType]
    pieces: list[Piece]
    outputs: list[tuple[str, str]]
    ours: bool = False  # whether the file was written here, so that its names are those of a text

    def __post_init__(self) -> None:
        self.maker = {p.output: p for p in self.pieces}

    @property
    def readers(self) -> dict[str, list[Piece]]:
        out: dict[str, list[Piece]] = {}
        for p in self.pieces:
            for i in p.inputs:
                out.setdefault(i, []).append(p)
        return out

    def type(self, value: str) -> TensorType:
        return self.inputs[value] if value in self.inputs else self.maker[value].type


def layers(g: Plain) -> Layers:
    """The layers of a graph. Raises NetspecError that names every node that none is."""
    pieces: dict[str, Piece] = {}
    strange: dict[int, tuple[Seen, str]] = {id(n): (n, _wanted(n)) for n in g.strange}
    waiting, inputs = [v for _, v in g.outputs], {name: TensorType(shape[1:]) for name, shape in g.inputs.items()}
    order: list[Piece] = []
    while waiting:
        v = waiting.pop()
        if v in pieces or v in inputs or v in g.constants:
            continue
        node = g.maker.get(v)
        if node is None:
            raise trouble("bad-onnx", f"the output {v} is made by nothing")
        read = None if id(node) in strange or v != node.outputs[0] else _met(node)
        if read is None or (endless := _endless(node, read)):
            if _known(node) and id(node) not in strange:
                strange[id(node)] = node, _wanted(node) if read is None else endless
            waiting += [i for i in node.inputs if i]
            pieces[v] = Piece(None, [], v, TensorType(()))
            continue
        out = node.out
        assert out is not None
        shared = frozenset(i for n in _between(node, read.inputs) for i in n.inputs
                           if i in g.constants and (g.ours or g.constants[i].size > 1) and g.constants[i].dtype.kind == "f")
        piece = pieces[v] = Piece(read.layer, list(read.inputs), v, out, dict(read.parameters), shared, node.place or v)
        order.append(piece)
        waiting += read.inputs
    if strange:
        place = {id(n): k for k, n in enumerate(g.nodes)}
        lines = [f"{n.name or v_of(n)}: {n.op} of {_shapes(n)}: {why}"
                 for n, why in sorted(strange.values(), key=lambda s: place.get(id(s[0]), 0))]
        raise trouble("no-layer", f"{len(lines)} node{'s' * (len(lines) > 1)} of the file "
                                  f"{'are' if len(lines) > 1 else 'is'} no layer of the language", *lines)
    _numbers(g, order)
    for _, v in g.outputs:
        if v in g.constants:
            raise trouble("bad-onnx", f"the output {v} is a constant")
        if (t := g.type(v)) is not None and t.batch > 1:
            raise trouble("no-layer", f"the output {v} has {t.batch} images for each example, its views, and no axis for them",
                          "what a net gives is one value for each example: `each` joins its views at its end")
    at = {n.outputs[0]: k for k, n in enumerate(g.nodes)}
    order.sort(key=lambda p: at[p.output])
    return _tidy(Layers(g.name, inputs, _sorted(order, inputs), g.outputs, g.ours))


def _wanted(n: Seen) -> str:
    """What a node would take that is no layer, or what is the matter with it."""
    if n.op == "BatchNormalization" and (n.attributes.get("training_mode") or any(n.outputs[1:])):
        return "it was exported in training mode: call .eval() on the model first"
    if "quantize" in n.op.lower() or "QLinear" in n.op or n.op.endswith("Integer"):
        return QUANTISED
    if n.op in CONVOLUTIONS and n.array(1) is None:
        return "its weight is computed from an input, and the language's are learned"
    if "." not in n.op and " " not in n.op and not onnx().defs.has(n.op):
        return "ONNX has no operator of this name"
    return _refused(n) or WANTED.get(n.op.removesuffix(" of several axes"), OTHERWISE)


def _refused(n: Seen) -> str:
    """Why a layer that a node would be is none."""
    for cls, stated in candidates().get(n.op, ()):
        read = found(cls, n) if stated else cls.from_onnx(n)
        try:
            if read is not None:
                read.layer.check()
        except WordError as e:
            return f"it would be `{read.layer}`, and {e}" if read is not None else ""
    return ""


def _numbers(g: Plain, order: list[Piece]) -> None:
    """Refuse weights that are no numbers: nothing that such a net computes is one, and `load_weights` takes none."""
    lines, negative = [], []
    for p in order:
        for k, a in p.arrays.items():
            if k == "var" and (a < 0).any():
                negative.append(f"{g.maker[p.output].name or p.output}: the smallest is {a.min():g}")
            odd = a.size - int(np.count_nonzero(np.isfinite(a)))
            if odd:
                n = g.maker[p.output]
                lines.append(f"{n.name or p.output}: {n.op}: its {k} holds {odd:,} of {a.size:,} that are "
                             f"{'nan' if np.isnan(a).any() else 'infinite'}")
    if lines:
        raise trouble("bad-onnx", "weights of the file are no numbers", *lines)
    if negative:
        raise trouble("bad-onnx", "a variance of the file is negative, and none is", *negative)


def v_of(n: Seen) -> str:
    return n.outputs[0]


def _shapes(n: Seen) -> str:
    known = [n.graph.shapes.get(i) for i in n.inputs if i and i not in n.graph.constants]
    return " and ".join(shape_text(s[1:]) if s else "?" for s in known) or "nothing"


def _endless(n: Seen, read: Read) -> str:
    """What to say of a node that is a layer, but for a number that is none: of its own, or of those that are read with it."""
    for m in _between(n, read.inputs):
        found = next((f"its {k} is {v}" for k, v in m.attributes.items() if not _finite(v)), "")
        if found:
            return f"{found}, which is no number that a text says"
    wrong = next((v for a in arguments(type(read.layer)) if not _finite(v := getattr(read.layer, a.field))), None)
    return "" if wrong is None else f"it would be `{read.layer}`, and {spelled(wrong)} is no number that a text says"


def _finite(v: Any) -> bool:
    return all(map(_finite, v)) if isinstance(v, (list, tuple)) else not isinstance(v, float) or isfinite(v)


def _known(n: Seen) -> bool:
    """Whether all that it reads has a shape: else what is before it is to blame."""
    return all(i in n.graph.constants or n.graph.shapes.get(i) is not None for i in n.inputs if i)


@cache
def candidates() -> dict[str, list[tuple[Any, bool]]]:
    """Of each operator the layers that may end in it, and whether by a pattern."""
    out: dict[str, list[tuple[Any, bool]]] = {}
    for cls in (*LAYERS.sound().values(), *STRUCTURAL.sound().values()):
        kind: Any = cls
        ends = {p.call.op for p in patterns(kind)}
        for op in ends:
            out.setdefault(op, []).append((cls, True))
        for op in cls.onnx_reads:
            out.setdefault(op, []).append((cls, False))
    return out


def _met(n: Seen) -> Read | None:
    """What explains most nodes that end here, in the fewest words."""
    w, out = n.array(1), n.out
    if n.op in CONVOLUTIONS and w is not None and (out is None or w.ndim != len(out.shape) + 1):
        return None  # a damaged file's: no filters of this many axes
    best: tuple[tuple[int, bool, int], Read] | None = None
    for cls, stated in candidates().get(n.op, ()):
        read = found(cls, n) if stated else cls.from_onnx(n)
        if read is None or not _fits(n, read):
            continue
        rank = -len(list(_between(n, read.inputs))), len(set(read.inputs)) < len(read.inputs), len(str(read.layer))
        if best is None or rank < best[0]:
            best = rank, read
    return None if best is None else best[1]


def _fits(n: Seen, read: Read) -> bool:
    """Whether the layer takes what it reads, gives what the node gives, and its numbers have its shapes."""
    types, out = [n.graph.type(i) for i in read.inputs], n.out
    if out is None or any(t is None for t in types) or not types or (any(n.outputs[1:]) and n.op != "MaxPool"):
        return False
    try:
        read.layer.check()
        if read.layer.shape(*types) != out:
            return False
        wanted = {p.name: p.shape for p in read.layer.parameters(*types) if p.values is None}
    except WordError:
        return False
    return {k: tuple(a.shape) for k, a in read.parameters.items()} == wanted


def _between(n: Seen, values: tuple[str, ...]) -> Iterator[Seen]:
    """The nodes from these values to a node, itself included."""
    seen, stack = set[int](), [n]
    while stack:
        m = stack.pop()
        if id(m) in seen:
            continue
        seen.add(id(m))
        yield m
        stack += [maker for i in m.inputs if i not in values and (maker := m.graph.maker.get(i)) is not None]


def _sorted(pieces: list[Piece], inputs: dict[str, TensorType]) -> list[Piece]:
    """Each after what it reads, and else in their order."""
    maker, out, done = {p.output: p for p in pieces}, [], set(inputs)
    for p in pieces:
        stack = [(p, False)]
        while stack:
            q, ready = stack.pop()
            if q.output in done:
                continue
            if ready:
                done.add(q.output)
                out.append(q)
            else:
                stack.append((q, True))
                stack += [(maker[i], False) for i in reversed(q.inputs) if i not in done]
    return out


def _tidy(g: Layers) -> Layers:
    """Without the flattening before a fully connected layer, which flattens by itself."""
    outputs, readers = {v for _, v in g.outputs}, g.readers

    def needless(v: str) -> bool:
        return v not in outputs and v in readers and all(
            isinstance(p.layer, Fc) or (p.layer.pointwise() and len(p.inputs) == 1 and needless(p.output)) for p in readers[v])

    for p in [p for p in g.pieces if isinstance(p.layer, Flatten) and needless(p.output)]:
        for r in readers[p.output]:
            r.inputs = [p.inputs[0] if i == p.output else i for i in r.inputs]
        g.pieces.remove(p)
    made = Layers(g.name, g.inputs, g.pieces, g.outputs, g.ours)
    for p in made.pieces:
        if p.layer.pointwise() and len(p.inputs) == 1:
            p.type = made.type(p.inputs[0])
    return made


def identifier(name: str) -> str:
    """A name of the file as the language can write it."""
    word = re.sub(r"\W", "_", name) or "value"
    word = word if re.match(r"[A-Za-z_]", word) else f"n{word}"
    return f"{word}_" if word in RESERVED or word in LAYERS else word


def output_names(g: Layers) -> list[str]:
    """What the outputs of the file are called here, each by a name of its own: out1, out2 where PyTorch's exporter numbers them
    with all its values."""
    return _apart([f"out{k}" if public.isdigit() else public for k, (public, _) in enumerate(g.outputs, 1)])


def input_names(g: Layers) -> dict[str, str]:
    """What the inputs of the file are called here: the usual name where there is one, else each by a name of its own."""
    return dict(zip(g.inputs, ["input"] if len(g.inputs) == 1 else _apart(list(g.inputs))))


def _apart(names: list[str]) -> list[str]:
    out: list[str] = []
    for word in map(identifier, names):
        out.append(next(w for w in (word, *(f"{word}_{k}" for k in range(2, len(names) + 2))) if w not in out))
    return out


def shares(p: Piece) -> bool:
    """Whether a layer whose numbers are another's is that one used again: it has weights that no chance makes equal. (Exporters
    store constants once that are equal by chance: zeros, ones, the same blur everywhere.)"""
    w = p.arrays.get("weight")
    if w is None or w.ndim < 2:
        return False
    seen = w.reshape(-1)[:ENOUGH]
    return len(set(seen.tolist())) > min(FEW, seen.size // 2)
