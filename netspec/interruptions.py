"""Where work on a long text can be held up or given up: reading, elaborating and counting call `point` again and again.

An editor's server checks a page while somebody goes on typing. Python runs one thread at a time, so a check lets questions pass,
and ends where the page has changed. Nobody else asks, and then a point costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local


class _Own(local):
    """What this thread asks at each point."""

    ask: Callable[[], object] | None = None


_OWN = _Own()


def point() -> None:
    """Work could stop here: what is asked may wait, or raise."""
    if _OWN.ask is not None:
        _OWN.ask()


@contextmanager
def asked(ask: Callable[[], object]) -> Iterator[None]:
    """Work inside, in this thread, asks at every point."""
    before, _OWN.ask = _OWN.ask, ask
    try:
        yield
    finally:
        _OWN.ask = before
