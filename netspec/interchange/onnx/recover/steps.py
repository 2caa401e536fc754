"""A layer as a step: a square window, a stride, and a count of filters, units or groups are numbers in which turns of a block may
differ; all else is what the step is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ....layers.convolutions.conv import Conv
from ....layers.dense.fc import Fc
from ....layers.moves.channels import Channels
from ....layers.moves.interleave import Interleave
from ....layers.moves.reshape import Reshape
from ....layers.noise.drop_path import DropPath
from ....layers.noise.dropout import Dropout
from ....layers.normalisations.bn import Bn
from ....layers.pooling.avgpool import AvgPool
from ....layers.pooling.maxpool import MaxPool
from ....layers.pooling.unpool import Unpool
from ....words.word import arguments, spelled
from ..meet import Layers, Piece, shares
from ..need import trouble
from .term import Sequence, Term

JOINED = ("bn", "instance_norm", "group_norm")  # normalisations that are words of the convolutions before them
POINT = "point"  # the window of a pointwise convolution, which is another thing than a spatial one


def usual_words(g: Layers, names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The layers that their words alone mean, in the text of a net: the batch norm that most are, and activations and other
    normalisations that are the same everywhere; where there are `names` of the file, those that are words of other steps by
    them."""
    found = Counter(str(p.layer) for p in g.pieces if isinstance(p.layer, Bn))
    most = found.most_common(1)[0][0] if found else ""
    out: dict[str, Any] = {"bn": next(p.layer for p in g.pieces if str(p.layer) == most)} if found else {}
    there = set(names.values())
    for p in g.pieces:
        name, word = names.get(p.output, ()), p.layer.name
        if (name[:-1] in there and name[-1] == word and word != "bn") if names else (activation(word) or word in JOINED[1:]):
            alike = [q for q in g.pieces if q.layer.name == word]
            makers = [g.maker[q.inputs[0]].layer for q in alike if q.inputs[0] in g.maker]
            behind = [m for m in makers if getattr(m, "takes", None)]
            often = {str(q.layer) for q in alike} == {str(p.layer)} and (bool(names) or len(behind) > 1)
            out |= {word: p.layer} if often and " " in str(p.layer) else {}
    return out


def step(p: Piece, cin: int | None, usual: Mapping[str, Any], named: bool = False) -> Term:
    """A layer; in a file that was written here, whose steps are `named`, blocks are known by their names, and a pointwise
    convolution is one of another window."""
    layer = p.layer
    if type(layer) is Conv and layer.values is None:
        t = _conv(layer, cin, len(p.type.shape) - 1, 0 if named else 1)
    elif type(layer) in (MaxPool, AvgPool) and not layer.windowless:
        t = _pool(layer)
    elif type(layer) is Fc:
        t = Term("step", ("fc", "", layer.bias, ""), [["n", layer.units]])
    elif type(layer) is Bn:
        t = Term("step", ("bn", " ".join(_differing(layer, usual["bn"]))))
    elif type(layer) is Channels:
        t = _channels(layer, cin)
    elif type(layer) is Reshape and isinstance(layer.to, tuple) and layer.to[0] == cin and set(layer.to[1:]) == {1}:
        t = Term("step", ("reshape", f"({', '.join(['in.channels', *map(str, layer.to[1:])])})"))
    elif type(layer) is Interleave:
        t = Term("step", ("interleave",), [["groups", layer.groups]])
    elif type(layer) in (Dropout, DropPath):
        t = Term("step", (layer.name, *str(replace(layer, rate=0.25)).split(" ")[2:]), [["rate", layer.rate]])
    else:
        t = Term("step", ("word", layer.name if layer == usual.get(layer.name) else str(layer)))
    t.cin, t.paths = cin, frozenset({p.path} if p.path else ())
    t.ties, t.weighty, t.owns = p.shared if p.arrays else frozenset(), shares(p), bool(p.arrays)
    t.takes = tuple(getattr(layer, "takes", ()))
    return t


def default_line(layer: Any) -> str:
    """The line with which a word alone means this layer; nothing where it does anyway."""
    said = _differing(layer, None)
    return f"default {layer.name} {' '.join(said)}" if said else ""


def _differing(layer: Any, usual: Any) -> list[str]:
    """What a layer says beside its word, where that alone means another one, or what it always does."""
    said = []
    for a in arguments(type(layer)):
        v, before = getattr(layer, a.field), a.default if usual is None else getattr(usual, a.field)
        if a.kind != "ref" and v != before:
            said.append(a.words[0] if a.kind == "flag" and v and a.words else str(v) if a.kind == "word" else f"{a.name}={spelled(v)}")
    return said


def _conv(layer: Any, cin: int | None, rank: int, point: int) -> Term:
    window = layer.window if isinstance(layer.window, tuple) else (layer.window,) * rank
    square = len(set(window)) == 1
    holes: list[list[Any]] = [["k", window[0]]] if square and window[0] != point else []
    shown = POINT if square and window[0] == point else "" if square else spelled(window)
    groups = "own" if layer.groups == cin and cin is not None and cin > 1 else "one" if layer.groups == 1 else "some"
    own = groups == "own" and layer.filters == cin
    if isinstance(layer.stride, int):
        holes.append(["stride", layer.stride])
    if groups == "some":
        holes.append(["groups", layer.groups])
    if isinstance(layer.dilation, int):
        holes.append(["dilation", layer.dilation])
    if not own:
        holes.insert(0, ["n", layer.filters])
    pad = layer.pad if isinstance(layer.pad, str) else f"pad={spelled(layer.pad)}"
    pad = "same" if pad == "valid" and set(window) == {1} else pad
    extra = " ".join([*([f"/{spelled(layer.stride)}"] if not isinstance(layer.stride, int) else []),
                      *([f"dilation={spelled(layer.dilation)}"] if not isinstance(layer.dilation, int) else []),
                      *([layer.edges] if layer.edges != "zeros" else [])])
    return Term("step", ("conv", (shown, rank), pad, extra, groups, own, "", "", layer.bias), holes)


def pointwise(t: Term) -> bool:
    """Whether it is a convolution that looks at one place."""
    return bool(t.head[0] == "conv" and (t.head[1][0] == POINT or t.hole("k") == 1))


def _pool(layer: Any) -> Term:
    square = isinstance(layer.window, int)
    stride = layer.window if layer.stride is None else layer.stride
    holes = ([["k", layer.window]] if square else []) + ([["stride", stride]] if isinstance(stride, int) else [])
    pad = layer.pad if isinstance(layer.pad, str) else f"pad={spelled(layer.pad)}"
    extra = " ".join([*([f"/{spelled(stride)}"] if not isinstance(stride, int) and layer.stride is not None else []),
                      *([f"dilation={spelled(layer.dilation)}"] if layer.dilation != 1 else []),
                      *(["ceil"] if layer.rounding == "ceil" else []),
                      *(["count_pad=no"] if not getattr(layer, "count_pad", True) else [])])
    return Term("step", (layer.name, "" if square else spelled(layer.window), pad, extra), holes)


def _channels(layer: Any, cin: int | None) -> Term:
    """A part of equal parts is said by what comes in."""
    first, last = layer.ends
    size = last - first + 1
    part = (first // size, cin // size) if cin is not None and cin % size == 0 and first % size == 0 else None
    return Term("step", ("channels", part) + (() if part else (first, last)))


def fused(seq: Sequence, named: bool = False) -> Sequence:
    """A convolution, its normalisation and its activation are one step; in a file that was written here, whose steps are `named`,
    where their names say so."""
    out: Sequence = []
    for t in seq:
        p = out[-1] if out else None
        if p is not None and p.kind == t.kind == "step" and _taken(p, t, named):
            p.ties, p.weighty = p.ties | t.ties, p.weighty or t.weighty
        else:
            out.append(t)
    return out


def _taken(p: Term, t: Term, named: bool) -> bool:
    """Whether a step takes the one after it as a word of its own."""
    word = "bn" if t.head == ("bn", "") else str(t.head[1]) if t.head[0] == "word" else ""
    sort = _sort(word)
    if sort not in p.takes or (t.name != (*p.name, word) if named else sort == "norm" and (word not in JOINED or not _convolves(p))):
        return False
    p.takes = () if sort == "activation" else ("activation",)
    place = {"conv": (7, 6), "fc": (3, 1)}.get(p.head[0])
    if place is not None:
        k = place[sort == "activation"]
        p.head = (*p.head[:k], word, *p.head[k + 1:])
    else:
        p.head = (p.head[0], f"{_without_bias(str(p.head[1])) if sort == 'norm' else p.head[1]} {word}")
    return True


def _convolves(t: Term) -> bool:
    return t.head[0] == "conv" or (t.head[0] == "word" and str(t.head[1]).startswith("deconv "))


def _sort(word: str) -> str:
    """The kind of a word that a step may take."""
    return "" if not word or " " in word else "activation" if activation(word) else "norm" if normalisation(word) else ""


def _without_bias(step: str) -> str:
    """A step as it is said beside a normalisation, without which it has a bias unless it says so."""
    return step.replace(" bias=no", "") if " bias=no" in step else f"{step} bias=yes"


def normalisation(word: str) -> bool:
    from ....words.layer import LAYERS

    return word in LAYERS and LAYERS[word].category == "normalisation" and not LAYERS[word].keeps_bias


def activation(word: str) -> bool:
    from ....words.layer import LAYERS

    return word in LAYERS and LAYERS[word].category == "activation" and not LAYERS[word].arity[0] > 1


def step_of(p: Piece, labels: dict[str, str], g: Layers) -> str:
    """A layer as its line says it."""
    layer = p.layer
    if isinstance(p.layer, Unpool):
        return str(replace(layer, pool=labels[pool_of(p, g)]))
    others = [labels[i] for i in p.inputs[1:]]
    ref = next((a.field for a in arguments(type(layer)) if a.kind == "ref"), None)
    if ref is not None and others:
        return str(replace(layer, **{ref: others[0]}))
    return " ".join([str(layer), *(f"@{o}" for o in others)])


def pool_of(p: Piece, g: Layers) -> str:
    """The max-pooling that an unpooling undoes."""
    found = next((q.output for q in g.pieces if isinstance(q.layer, MaxPool) and q.layer == p.layer.of
                  and q.inputs[0] == p.inputs[1]), None)
    if found is None:
        raise trouble("no-layer", f"{p.path}: MaxUnpool undoes a pool whose result nothing reads")
    return found
