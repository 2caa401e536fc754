"""RUNs of a command line: the networks of checkpoints and of the folders of runs, and nets that get weights."""

from __future__ import annotations

import warnings
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..diagnostics import MissingFileError, UsageError
from ..plain import word
from .nets import input_shapes, meant, settings, split, trained

if TYPE_CHECKING:
    from ..runtime.network import Network


def network(run: str, device: str = "cpu") -> Network:
    """The network of a checkpoint, or of a run. Where it is used, and not trained on, nobody needs to know which other
    versions it was trained with.

    Errors: a spec, which has no weights; whatever `netspec.load` refuses.
    """
    from ..compiler import load
    from ..runtime.io.checkpoint import ResumeWarning
    from ..runtime.runs.folder import untrained

    if trained(run) is None:
        import os

        if os.path.isfile(run) and run.endswith(".net"):
            raise UsageError(f"{run} is a spec, and holds no trained network", hint=f"netspec train {run}")
        if not os.path.exists(run):
            raise MissingFileError(f"there is no run and no checkpoint {run}")
    elif (folder := untrained(split(run)[0])) is not None:
        raise UsageError(f"{folder} is a run that ended before its first step: its weights have learnt nothing",
                         hint=f"netspec train --resume {word(str(folder))}", code="untrained-run")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResumeWarning)
        return load(split(run)[0], device=device)


def runs_first(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The runs that a command line begins with, and what follows them."""
    many = 1
    while many < len(words) and trained(words[many]) is not None:
        many += 1
    return list(words[:many]), list(words[many:])


def weighted(args: Namespace, device: str = "cpu") -> Network | None:
    """The network of a command's FILE[:NET] with the weights of `--weights`, else its own: those of a run or a checkpoint in the
    spec's place, or those of files that the spec names. None where there are none, and the net would have first values.

    Errors: a run or a file of weights that does not fit.
    """
    from ..runtime.network import made

    if args.weights is None and trained(args.net) is not None and not args.inputs and not getattr(args, "preparations", None):
        return network(args.net, device)
    lines = [f"prepare {line}" for line in getattr(args, "preparations", None) or ()]
    if lines and trained(args.net) is not None:
        raise UsageError(f"{args.net} holds a trained network, which prepares pictures as it has learnt to", hint="without --prepare")
    net = made(meant(args.net, settings(args), input_shapes(args)).origin(lines), device)
    source = args.weights if args.weights is not None else args.net if trained(args.net) is not None else None
    if source is None:
        return net if any(p.file for p in net.graph.parameters) else None
    checkpoint = trained(source)
    if checkpoint is not None and own(checkpoint):
        with warnings.catch_warnings():
            from ..runtime.io.checkpoint import ResumeWarning

            warnings.simplefilter("ignore", ResumeWarning)
            return net.load(checkpoint)
    import os

    if os.path.isdir(source) or source.endswith(".net"):
        network(source)  # refuses it, and says why
    return net.load_weights(source)


def own(checkpoint: str) -> bool:
    """Whether a file that begins as safetensors do is netspec's: else it is another program's weights."""
    from ..interchange.weights.safetensors import Tensors
    from ..interchange.weights.source import Damaged, Foreign

    try:
        return "netspec" in Tensors(checkpoint).metadata
    except (Foreign, Damaged, OSError):
        return True  # whoever loads it says what is wrong
