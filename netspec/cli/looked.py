"""What `look`, `dream` and `style` are given: a network that has weights, and pictures."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..diagnostics import Diagnostic, MissingFileError, NetspecError, UsageError, unwritable
from ..plain import shown, word

if TYPE_CHECKING:
    from ..runtime.network import Network

BATCH = 32


def network(args: Namespace) -> Network:
    """The network of a command's run, checkpoint, or spec with weights.

    Errors: a spec whose weights would be first values; a file of weights that is not there.
    """
    if args.weights is not None and not os.path.exists(args.weights):  # before a large net is made for it
        raise MissingFileError(f"there is no file of weights {shown(args.weights)}")
    from ..runtime.network import made
    from .nets import input_shapes, meant, settings
    from .trained import weighted

    net = weighted(args, getattr(args, "device", "cpu"))
    if net is not None:
        return net
    net = made(meant(args.net, settings(args), input_shapes(args)).origin(), getattr(args, "device", "cpu"))
    if any(p.values is None and p.kind in ("weight", "length") for p in net.graph.parameters):
        raise UsageError(f"{shown(args.net)} is a spec, and its weights have learnt nothing",
                         hint=f"netspec train {word(args.net)}   and then its run, or  --weights FILE")
    return net  # whatever it has for weights stands in its text


def pictures(net: Network, files: Sequence[str], wrong: list[Diagnostic]) -> Iterator[tuple[Sequence[str], Any]]:
    """The examples of the files, some at a time, with their names, brought to the network's input as in training; what cannot be
    read is added to `wrong`, and left out."""
    from ..runtime.asking.examples import batches, listed
    from ..waiting import wait

    found, odd = listed(files)
    wrong += [d for d in odd if d not in wrong]
    at = 0
    with wait("looking at example", len(found)) as told:
        for some in batches(net, found, BATCH, wrong):
            told(at + 1)
            at += len(some.names)
            yield tuple("/".join(Path(n).parts[-2:]) for n in some.names), next(iter(some.inputs.values()))
    if wrong and not at:
        raise NetspecError(*wrong)


def photograph(net: Network, path: str, size: int | tuple[int, int] | None) -> Any:
    """A picture in [0, 1], channels x height x width, with the channels of the network's input. `size` is its longer side, or its
    height and width, which it is cut to; its own unless given.

    Errors: a file that is no picture; a net that does not take one.
    """
    import numpy as np

    from ..datasets.parts.pictures import header, read
    from ..look.asked import input_of

    shape = input_of(net).type.shape
    if len(shape) != 3 or shape[0] not in (1, 3, None):
        raise UsageError(f"{net.graph.name} does not take a picture: its input is {input_of(net).type}")
    if isinstance(size, int):
        found = header(path)
        share = size / max(found.height, found.width)
        size = max(1, round(found.height * share)), max(1, round(found.width * share))
    a = read(path, shape[0] or 3, size)
    return a.astype(np.float32) / np.float32(255) if a.dtype == np.uint8 else a


def photographed(a: Any, path: str) -> None:
    """Write such a picture, as fine as all PNGs are in print."""
    from ..reading import write
    from ..views.drawing.rendering import FINE
    from ..views.pictures import of_image, png

    try:
        write(path, png(of_image(a), FINE))
    except (OSError, ValueError) as e:
        raise unwritable(path, e) from None


def png_alone(path: str) -> None:
    """Refuse another ending before anything is computed."""
    target = Path(path)
    if target.suffix.lower() != ".png":
        raise UsageError(f"this is written as .png, and `{shown(target.name)}` ends in {shown(target.suffix) or 'nothing'}",
                         hint=f"-o {target.with_suffix('.png') if target.name else 'out.png'}")
