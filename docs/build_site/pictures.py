"""Small pictures for the pages of words, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import netspec
from netspec.ir.graph import Graph
from netspec.views.drawing.diagram import diagram as drawn

WIDTH, HEIGHT, EDGE = 260, 150, 28
LINE, AXIS, TEXT = "#2563eb", "#94a3b8", "#64748b"
EPOCHS, BATCHES = 30, 10
SHOWN = 6  # images of an augmentation
PIXEL, GAP = 10, 12


def diagram(graph: Graph) -> str:
    """A net as `netspec draw` draws it."""
    return drawn(graph).svg


def activation(spec: str) -> str:
    """y over x from -4 to 4, computed by the reference backend."""
    x = np.linspace(-4, 4, 161)
    net = netspec.compile(text=f"net a:\n  input {len(x)}\n  {spec}\n", device="reference")
    return curve(x, net.predict(x[None])[0], "x", "y")


def schedule(made: Any) -> str:
    """The factor of each batch over a run; of one that follows a measured value, where it falls for ten epochs and stays then."""
    steps = np.arange(EPOCHS * BATCHES)
    if made.watches:
        measured = [max(1.0 - 0.08 * e, 0.2) for e in range(EPOCHS)]
        factors = [made.seen(measured[:s // BATCHES]) for s in steps]
    else:
        factors = [made.factor(int(s // BATCHES), int(s), EPOCHS, BATCHES) for s in steps]
    return curve(steps / BATCHES, np.array(factors), "epoch", "factor")


def curve(x: NDArray[Any], y: NDArray[Any], across: str, up: str) -> str:
    """A line in a frame, its ends labelled."""
    low, high = min(0.0, float(y.min())), max(0.0, float(y.max()))
    high = high if high > low else low + 1.0
    px = EDGE + (x - x[0]) / (x[-1] - x[0]) * (WIDTH - 2 * EDGE)
    py = HEIGHT - EDGE - (y - low) / (high - low) * (HEIGHT - 2 * EDGE)
    zero_y = HEIGHT - EDGE + low / (high - low) * (HEIGHT - 2 * EDGE)
    zero_x = EDGE + max(0.0, -x[0]) / (x[-1] - x[0]) * (WIDTH - 2 * EDGE)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="Helvetica,Arial,sans-serif" font-size="10">',
        f'<path d="M{EDGE},{zero_y:.1f}H{WIDTH - EDGE} M{zero_x:.1f},{EDGE}V{HEIGHT - EDGE}" stroke="{AXIS}" fill="none"/>',
        f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="2"/>',
        _text(zero_x - 4, py.min() + 3, f"{high:.3g}", "end"),
        *([_text(zero_x - 4, HEIGHT - EDGE + 3, f"{low:.3g}", "end")] if low < 0 else []),
        _text(EDGE, zero_y + 12, f"{x[0]:.0f}", "middle"), _text(WIDTH - EDGE, zero_y + 12, f"{x[-1]:.0f}", "middle"),
        _text(WIDTH - EDGE, zero_y - 4, across, "end"), _text(zero_x + 4, EDGE - 6, up, "start"), "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{TEXT}" text-anchor="{anchor}">{text}</text>'


def augmentation(made: Any) -> str:
    """Digits above, and below what becomes of them. Those that need colours get a digit in each of three channels."""
    (x, _), _ = netspec.data.digits()
    try:
        made.check_input(netspec.load_graph(text="net a:\n  input 1x8x8\n").graph.inputs[0].type)
        images = x[:SHOWN]
    except Exception:
        images = x[:3 * SHOWN].reshape(SHOWN, 3, 8, 8)
    changed = made.apply(images, np.random.default_rng(0))
    side = 8 * PIXEL
    rows = [*_tiles(images, 0), *_tiles(changed, side + GAP)]
    width, height = SHOWN * (side + GAP) - GAP, 2 * side + GAP
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'shape-rendering="crispEdges">')
    return "\n".join([head, *rows, "</svg>", ""])


def _tiles(images: Sequence[Any] | NDArray[Any], top: int) -> list[str]:
    out = []
    for k, image in enumerate(images):
        left = k * (8 * PIXEL + GAP)
        for (i, j) in np.ndindex(8, 8):
            r, g, b = (np.clip(np.broadcast_to(image[:, i, j], 3), 0, 1) * 255).astype(int)
            out.append(f'<rect x="{left + j * PIXEL}" y="{top + i * PIXEL}" width="{PIXEL}" height="{PIXEL}" '
                       f'fill="#{r:02x}{g:02x}{b:02x}"/>')
    return out
