"""A run that Python begins: `net.fit(x, y, report="runs/mine")`."""

from __future__ import annotations

import os
from typing import Any

from ...words.dataset import Data
from ..io.told import told
from ..misuse import path_of
from ..runs.facts import facts_of
from ..runs.folder import Run, named
from ..state import State
from ..train.callbacks import Callback
from .reporter import Reporter


def begun(state: State, folder: Any, x: Any, validation: Any, epochs: int | None) -> tuple[Run, tuple[Callback, ...]]:
    """The run of a call of `fit`, its folder made, and what writes its log and its report.

    Errors: a folder that holds a run, or cannot be written.
    """
    run = named(os.fspath(path_of(folder)))
    module = told(state)
    facts = facts_of(state, x if isinstance(x, Data) else None, run.folder.name, validation is not None)
    if epochs is not None:
        facts["settings"]["epochs"] = state.course.epoch + epochs
    run.begin(module.source.text if module is not None else "", facts)
    return run, (*run.logs(()), Reporter(run.folder, live=True))
