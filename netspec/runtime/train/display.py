"""Where a training is shown: below the cell of a notebook, else on the terminal, or in the log that stands in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...cell import Place, notebook
from ...terminal import live
from ...waiting import watched, watcher
from .history import History
from .progress import RUN, Plan, Progress, Shown


@contextmanager
def display(title: str, history: History, verbose: int, first: int, last: int, batches: int | None,
            plan: Plan) -> Iterator[Progress]:
    """The display for epochs first+1..last, of so many batches: nothing where `verbose` is 0, a table that is printed where it
    is 2. `title` names the network."""
    if not verbose or first >= last:
        yield Progress()
        return
    around = watcher()
    follow = sum((w.of or 0) - w.at for w in around.waits if w.what == RUN) if around is not None else 0
    shell = notebook() if verbose == 1 else None
    if shell is not None:
        with _below(shell, title, history, first, last, follow, batches, plan) as shown:
            yield shown
        return
    with live() as line:
        shown = Shown(history, line if verbose == 1 else None, first, last, follow, batches, plan)
        with watched(shown):
            yield shown


@contextmanager
def _below(shell: Any, title: str, history: History, first: int, last: int, follow: int, batches: int | None,
           plan: Plan) -> Iterator[Progress]:
    """Below the cell."""
    from .in_cell import InCell

    shown = InCell(Place(shell), title, history, first, last, follow, batches, plan)
    try:
        with watched(shown):
            yield shown
    except BaseException as e:
        shown.over(e)
        raise
    shown.over()
