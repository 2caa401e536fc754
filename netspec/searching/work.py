"""What a worker does: one trial after the other that nobody else does, until there is a result of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import sleep

from ..runtime.misuse import Remark
from ..runtime.train.session import set_threads
from .definition import Search
from .halving import left
from .lease import SILENCE, Worker
from .results import Board, is_there, name
from .sampling import values
from .trials import perform

GLANCE = 0.5  # seconds between two looks at what others do, where there is nothing to do


def work(search: Search, threads: int | None = None, silence: float = SILENCE, done: Callable[[], None] = lambda: None) -> None:
    """Work until every trial has its result. `done` is called after each trial; `silence` is how long a worker of another machine
    may say nothing until it counts as dead."""
    if threads is not None:
        set_threads(search.definition.device, threads)
    with Worker(search.folder, silence) as worker, warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        board = Board(search)
        board.look()
        while todo := left(search, board.found):
            if not _one(search, worker, todo, board):
                sleep(min(GLANCE, silence / 4))
            done()
            board.look()


def _one(search: Search, worker: Worker, todo: list[tuple[int, int]], board: Board) -> bool:
    """Do the first of these trials that nobody does, up to its rung; whether there was one."""
    for trial, rung in todo:
        lease = worker.claim(name(trial))
        if lease is None:
            continue
        if not is_there(search, trial, rung):
            chosen = values(search, trial, board.found) if search.definition.sampler else search.definition.values(trial)
            perform(search, trial, rung, chosen, lease)
        worker.release(lease)  # not where an error or an interrupt ends it: whoever takes it over goes on with what is there
        return True
    return False
