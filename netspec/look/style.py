"""Neural style transfer: the content of one picture in the style of another.

Papers: Gatys, Ecker and Bethge, "A Neural Algorithm of Artistic Style", 2015; "Image Style Transfer Using Convolutional Neural
Networks", 2016, whose losses are those of the language (`gram` is equations 3-5); Liu and Nocedal, 1989 (L-BFGS)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..diagnostics import Advice
from ..ir.graph import Graph
from ..runtime.misuse import misuse, whole
from ..runtime.network import Network
from ..views.reading.steps import steps
from .asked import convolutions, graph_of
from .trunk import trunk

Array = NDArray[Any]
Begin = Literal["content", "style", "noise"]
ROUND, MEMORY = 20, 20  # iterations of L-BFGS between which pixels are brought back into [0, 1]; changes it remembers


def style(net: Network, content: Any, painting: Any, *, content_layer: str | None = None, style_layers: Sequence[str] = (),
          weight: float = 1000.0, iterations: int = 200, begin: Begin = "content", seed: int = 0) -> tuple[Array, list[float]]:
    """A picture, C x H x W in [0, 1], and the loss before each round of iterations and at the end: the mean of the squares of
    what its content layer differs from that of `content`, and `weight` times the mean over the style layers of what their Gram
    matrices differ from those of `painting`. L-BFGS goes down it, with line search.

    content, painting  C x H x W in [0, 1], of any sizes; the result is as large as the content
    content_layer      and `style_layers`: names as in `activations`; unless given those of `layers`
    begin              from the content, the painting, or noise from the seed, as in the paper

    Errors: what is no picture; a layer that is none; a net without convolutions.
    """
    a, b = (np.asarray(p, net.dtype)[None] for p in (content, painting))
    if a.ndim != 4 or b.ndim != 4 or a.shape[1] != b.shape[1]:
        raise misuse("wrong-shape", f"content and style are pictures, channels x height x width, and these are {a.shape[1:]} and "
                     f"{b.shape[1:]}")
    if begin not in ("content", "style", "noise") or (begin == "style" and a.shape != b.shape):
        raise misuse("bad-value", f"it begins with content, with noise or with a style of the same size, and not with {begin}",
                     hint='begin="noise"')
    content_of, style_of = layers(graph_of(net, a)) if content_layer is None or not style_layers else ("", ())
    content_of, style_of = content_layer or content_of, tuple(style_layers) or style_of
    named = {"content": content_of, **{f"style{k}": name for k, name in enumerate(style_of)}}
    part = trunk(net, named, a.shape[2:])
    other = part if a.shape == b.shape else trunk(net, named, b.shape[2:])
    seen, painted = part.activations(a, *named), other.activations(b, *named)
    wanted = {"content": seen["content"]} | {k: _gram(painted[k]) * (seen[k][0, 0].size / painted[k][0, 0].size)
                                             for k in named if k != "content"}
    start = {"content": a, "style": b}[begin] if begin != "noise" else np.random.default_rng(whole("seed", seed, 0)).random(a.shape)
    losses = ["mse @content", *(f"gram matrix @{k} weight={weight / len(style_of)!r}" for k in named if k != "content")]
    rounds = -(-whole("iterations", iterations, 1) // ROUND)
    found, history = part.optimise(inputs=start, loss=losses, targets=wanted, steps=rounds, clip=(0, 1),
                                   optimiser=f"lbfgs search iterations={min(ROUND, iterations)} history={MEMORY}")
    return np.asarray(found[0]), history["loss"]


def _gram(a: Array) -> Array:
    """The sums over all places of the products of channels."""
    flat = a.reshape(*a.shape[:2], -1).astype(np.float64)
    return np.asarray(flat @ flat.transpose(0, 2, 1))


def layers(graph: Graph) -> tuple[str, tuple[str, ...]]:
    """The layers of a network that stand for content and style: of each size of its maps the first convolution, five at most, for
    style; the second (or only) one of the last size but one of these for content. Of VGG-19 they are the paper's, conv4_2 and
    conv1_1 to conv5_1."""
    sizes: dict[tuple[int | None, ...], list[str]] = {}
    convolving = {n.name for n in convolutions(graph)}
    for step in steps(graph):
        if step.name in convolving and any(s != 1 for s in step.last.type.spatial):
            sizes.setdefault(step.last.type.spatial, []).append(step.name)
    if not sizes:
        raise misuse("bad-value", f"no convolution of {graph.name} has more than one place", hint=Advice("name layers that have"))
    first = list(sizes.values())[:5]
    at = first[max(0, len(first) - 2)]
    return at[min(1, len(at) - 1)], tuple(names[0] for names in first)
