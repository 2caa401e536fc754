"""A layer as a step: a square window, a stride, and a count of filters, units or groups are numbers in which turns of a block may
differ; all else is what the step is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from ....layers.convolutions.conv import Conv
from ....layers.dense.fc import Fc
from ....layers.moves.channels import Channels
from ....layers.moves.interleave import Interleave
from ....layers.normalisations.bn import Bn
from ....layers.pooling.avgpool import AvgPool
from ....layers.pooling.maxpool import MaxPool
from ....words.word import spelled
from ..meet import Layers, Piece, shares
from .term import Sequence, Term

POINT = "point"  # the window of a pointwise convolution, which is another thing than a spatial one


def epsilon(g: Layers) -> float:
    """The one that most batch norms of the file have."""
    found = Counter(p.layer.eps for p in g.pieces if isinstance(p.layer, Bn))
    return found.most_common(1)[0][0] if found else 1e-5


def step(p: Piece, cin: int | None, eps: float) -> Term:
    layer = p.layer
    if type(layer) is Conv and layer.values is None:
        t = _conv(layer, cin, len(p.type.shape) - 1)
    elif type(layer) in (MaxPool, AvgPool) and not layer.windowless:
        t = _pool(layer)
    elif type(layer) is Fc:
        t = Term("step", ("fc", "", layer.bias), [["n", layer.units]])
    elif type(layer) is Bn:
        t = Term("step", ("bn", _other_words(layer, eps)))
    elif type(layer) is Channels:
        t = _channels(layer, cin)
    elif type(layer) is Interleave:
        t = Term("step", ("interleave",), [["groups", layer.groups]])
    else:
        t = Term("step", ("word", str(layer)))
    t.cin, t.paths = cin, frozenset({p.path} if p.path else ())
    t.ties, t.weighty = p.shared if p.arrays else frozenset(), shares(p)
    return t


def _other_words(layer: Any, eps: float) -> str:
    """What a batch norm says beside the usual epsilon."""
    return str(layer if layer.eps != eps else replace(layer, eps=1e-5)).removeprefix("bn").strip()


def _conv(layer: Any, cin: int | None, rank: int) -> Term:
    window = layer.window if isinstance(layer.window, tuple) else (layer.window,) * rank
    square = len(set(window)) == 1
    holes: list[list[Any]] = [["k", window[0]]] if square and window[0] != 1 else []
    shown = POINT if square and window[0] == 1 else "" if square else spelled(window)
    groups = "own" if layer.groups == cin and cin is not None and cin > 1 else "one" if layer.groups == 1 else "some"
    own = groups == "own" and layer.filters == cin
    if isinstance(layer.stride, int):
        holes.append(["stride", layer.stride])
    if groups == "some":
        holes.append(["groups", layer.groups])
    if not own:
        holes.insert(0, ["n", layer.filters])
    pad = layer.pad if isinstance(layer.pad, str) else f"pad={spelled(layer.pad)}"
    pad = "same" if pad == "valid" and shown == POINT else pad
    extra = " ".join([*([f"/{spelled(layer.stride)}"] if not isinstance(layer.stride, int) else []),
                      *([f"dilation={spelled(layer.dilation)}"] if layer.dilation != 1 else []),
                      *([layer.edges] if layer.edges != "zeros" else [])])
    return Term("step", ("conv", (shown, rank), pad, extra, groups, own, "", False, layer.bias), holes)


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


def fused(seq: Sequence) -> Sequence:
    """A convolution, its normalisation and its activation are one step."""
    out: Sequence = []
    for t in seq:
        p = out[-1] if out else None
        if p is not None and p.kind == t.kind == "step" and _taken(p, t):
            p.paths, p.ties, p.weighty = p.paths | t.paths, p.ties | t.ties, p.weighty or t.weighty
        else:
            out.append(t)
    return out


def _taken(p: Term, t: Term) -> bool:
    """Whether a step takes the one after it as a word of its own."""
    act = t.head[1] if t.head[0] == "word" and " " not in t.head[1] and activation(t.head[1]) else None
    if p.head[0] == "conv" and not p.head[6]:
        if t.head == ("bn", "") and not p.head[7]:
            p.head = (*p.head[:7], True, *p.head[8:])
        elif act:
            p.head = (*p.head[:6], act, *p.head[7:])
        else:
            return False
        return True
    if p.head[0] == "fc" and not p.head[1] and act:
        p.head = ("fc", act, p.head[2])
        return True
    return False


def activation(word: str) -> bool:
    from ....words.layer import LAYERS

    return word in LAYERS and LAYERS[word].category == "activation" and not LAYERS[word].arity[0] > 1
