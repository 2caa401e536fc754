"""RUNs of a command line: the networks of checkpoints and of the folders of runs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..diagnostics import MissingFileError, UsageError
from .nets import split, trained

if TYPE_CHECKING:
    from ..runtime.network import Network


def network(run: str, device: str = "cpu") -> Network:
    """The network of a checkpoint, or of a run. Where it is used, and not trained on, nobody needs to know which other
    versions it was trained with.

    Errors: a spec, which has no weights; whatever `netspec.load` refuses.
    """
    from ..compiler import load
    from ..runtime.io.checkpoint import ResumeWarning

    if trained(run) is None:
        import os

        if os.path.isfile(run) and run.endswith(".net"):
            raise UsageError(f"{run} is a spec, and holds no trained network", hint=f"netspec train {run}")
        if not os.path.exists(run):
            raise MissingFileError(f"there is no run and no checkpoint {run}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResumeWarning)
        return load(split(run)[0], device=device)


def runs_first(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The runs that a command line begins with, and what follows them."""
    many = 1
    while many < len(words) and trained(words[many]) is not None:
        many += 1
    return list(words[:many]), list(words[many:])
