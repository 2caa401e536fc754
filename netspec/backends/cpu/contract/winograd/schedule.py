"""Where Winograd's F(4x4, 3x3) is used, and how its work is cut. See `winograd` for the arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from .....ir.contraction import Contraction
from .....ir.layout import Target
from .....ir.weight_order import WeightOrder
from ..calls import Call, Epilogue, Plan, WinogradFold, WinogradGather, WinogradOuter, WinogradWeights, Workspace

FRAME_AND_TABLE = 1024 + 4096  # bytes of scratch before the tiles
Operands = tuple[tuple[str, ...], str, tuple[str, ...], tuple[str, ...], tuple[str, ...], Epilogue]


def wins(c: Contraction, target: Target) -> bool:
    """Whether Winograd's form is allowed and faster. Its gain is 4, less what tiles beyond the edge waste and what the
    transforms cost, which the channels on the other side pay for."""
    lanes = target.lanes
    if target.precision != "float32" or target.item != 4 or not c.stencil or min(c.ins,
                                                                                 c.outs) < lanes or -(
                                                                                     -c.ins // lanes) > TABLE_ENTRIES:
        return False
    if c.kind == "outer" and WeightOrder(c, lanes, False) != WeightOrder(c, lanes, whole=True):
        return False
    _, H, W = _grid(c)
    used = H * W / (16 * ceil(H / 4) * ceil(W / 4))
    filled = c.ins * c.outs / (-(-c.ins // lanes) * -(-c.outs // lanes) * lanes**2)
    return used * filled >= 0.5 and min(H, W) >= 4


TABLE_ENTRIES = 512


def _grid(c: Contraction) -> tuple[int, int, int]:
    """The places tiles cover: those of out, by which both directions walk."""
    return c.extents


@dataclass(frozen=True)
class Chunks:
    """How tiles are dealt to items: `rows` rows of tiles of one image, in `parts` items, or `images` whole ones."""

    rows: int
    parts: int
    images: int
    tiles: int  # at most, in an item


def tiles_of(c: Contraction) -> tuple[int, int]:
    _, H, W = _grid(c)
    return -(-H // 4), -(-W // 4)


def heavy(c: Contraction, lanes: int) -> bool:
    """Whether the transformed weight is larger than a cache of one core."""
    return domain_bytes(-(-c.ins // lanes) * -(-c.outs // lanes), lanes) > 4e6


def chunks(c: Contraction, lanes: int) -> Chunks:
    """Enough tiles that weights are worth fetching, few enough that they stay in cache."""
    TH, TW = tiles_of(c)
    tile = 36 * (-(-c.ins // lanes) + -(-c.outs // lanes)) * lanes * 4
    most = 64 if heavy(c, lanes) else min(64, max(28, int(1.2e6 / tile)))
    if 1.5 * most < TH * TW:
        rows = max(1, round(TH / ceil(TH * TW / most)))
        return Chunks(rows, -(-TH // rows), 1, rows * TW)
    images = max(1, round(most / (TH * TW)))
    return Chunks(TH, 1, images, images * TH * TW)


def domain_bytes(pairs: int, lanes: int) -> int:
    """A weight in Winograd's domain: 36 elements for each pair of blocks, an odd number of blocks apart."""
    return 36 * (pairs | 1) * lanes * lanes * 4


def plan_gather(c: Contraction, name: str, operands: Operands, source: str, prepare: tuple[Call, ...],
                derived: tuple[Workspace, ...], lanes: int, masked: bool) -> Plan:
    """`source` is where the weight lies in the order of whole blocks; `prepare` puts it there."""
    outputs, image, extras, vectors, sums, epilogue = operands
    pairs = -(-c.ins // lanes) * -(-c.outs // lanes)
    weights = WinogradWeights(f"{name}.winograd", f"{source}.winograd", source, pairs, lanes)
    cut = chunks(c, lanes)
    scratch = FRAME_AND_TABLE + 36 * ((-(-c.ins // lanes) + -(-c.outs // lanes)) * cut.tiles + 2) * lanes * 4
    call = WinogradGather(name, c, outputs, image, weights.into, extras, vectors, sums, epilogue, lanes, masked, cut.rows,
                          cut.images, scratch)
    return Plan((*prepare, weights), call, derived=(*derived, Workspace(weights.into, domain_bytes(pairs, lanes))))


def plan_outer(c: Contraction, name: str, image: str, out: str, into: str, lanes: int, images: int) -> Plan:
    """Sums of products stay in Winograd's domain until all images are in: few parts, as each is 4 times the weight."""
    x_blocks, y_blocks = -(-c.ins // lanes), -(-c.outs // lanes)
    size = domain_bytes(x_blocks * y_blocks, lanes)
    shares = max(1, y_blocks // 4)
    parts = max(1, min(-(-16 // shares), int(96e6 / size)))
    TH, TW = tiles_of(c)
    tile = 36 * (x_blocks + -(-y_blocks // shares)) * lanes * 4
    rows = max(1, round(min(128, max(32, 1.2e6 / tile)) / TW))
    each = TH * TW * images / 32
    there = f"{name}.parts"
    call = WinogradOuter(name, c, image, out, there, lanes, rows, shares, parts, each, FRAME_AND_TABLE + rows * TW * tile + 72
                         * lanes * 4)
    fold = WinogradFold(f"{name}.fold", into, there, x_blocks * y_blocks, parts, each, lanes)
    return Plan((), call, (fold,), (Workspace(there, parts * size),))
