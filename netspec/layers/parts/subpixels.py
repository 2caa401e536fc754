"""Where the pixels of a channel lie among the channels that `shuffle` makes it from."""

from __future__ import annotations

from ...words.layer import WINDOW, names

ORDERS = ("crd", "dcr")


def channel_of(order: str, channels: int, r: int, rank: int) -> str:
    """The channel that holds pixel u, v of channel c: `4*c+2*u+v`, or `dcr` `16*u+8*v+c` where c runs to 8."""
    u = names(WINDOW, rank)
    own, step = (r**rank, 1) if order == "crd" else (1, channels)
    return f"{own}*c" + "".join(f"+{step * r ** (rank - 1 - k)}*{i}" for k, i in enumerate(u))
