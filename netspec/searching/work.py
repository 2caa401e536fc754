"""What a worker does: one trial after the other that nobody else does, until there is a result of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from time import sleep

from ..runtime.misuse import Remark
from ..runtime.train.session import set_threads
from .definition import Search
from .lease import SILENCE, Worker
from .results import name, numbers
from .trials import finished, perform

GLANCE = 0.5  # seconds between two looks at what others do, where there is nothing to do


def work(search: Search, threads: int | None = None, silence: float = SILENCE, done: Callable[[], None] = lambda: None) -> None:
    """Work until every trial has its result. `done` is called after each trial; `silence` is how long a worker of another machine
    may say nothing until it counts as dead."""
    if threads is not None:
        set_threads(search.definition.device, threads)
    with Worker(search.folder, silence) as worker, warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)
        while left := sorted(set(range(1, search.trials + 1)) - numbers(search.folder)):
            if not _one(search, worker, left):
                sleep(min(GLANCE, silence / 4))
            done()


def _one(search: Search, worker: Worker, left: list[int]) -> bool:
    """Do the first of these trials that nobody does; whether there was one."""
    for trial in left:
        lease = worker.claim(name(trial))
        if lease is None:
            continue
        if not finished(search, trial):
            perform(search, trial, lease)
        worker.release(lease)  # not where an error or an interrupt ends it: whoever takes it over goes on with what is there
        return True
    return False
