"""Standard streams that may be full, closed, or read by nobody: `> /dev/full`, `>&-`, `2>&-`, `| head -1`."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class Unwritten(Exception):
    """What a command says could not be written to standard output; it is no trouble with any file the command opens."""


class Gone(Exception):
    """Whoever read standard output (head, less) has seen enough."""


class _Output:
    """Standard output, whose troubles are its own kind of exception. Python's stand-in for a closed one, None, loses what is
    printed without a word."""

    def __init__(self, stream: TextIO | None):
        self._stream = stream
        self._lost: Gone | Unwritten | None = None  # as it was, from then on

    def write(self, text: str) -> int:
        with self._named():
            if self._stream is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return self._stream.write(text)

    def flush(self) -> None:
        with self._named():
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    @contextmanager
    def _named(self) -> Iterator[None]:
        if self._lost is not None:
            raise type(self._lost)(*self._lost.args)
        try:
            yield
        except BrokenPipeError:
            self._let_go()
            self._lost = Gone()
            raise Gone from None
        except OSError as e:
            self._let_go()
            self._lost = Unwritten(e.strerror or str(e))
            raise Unwritten(*self._lost.args) from None

    def _let_go(self) -> None:
        """What waits in the buffer goes nowhere, so that Python does not fail at it when it ends."""
        if self._stream is not None:
            _divert(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Words(_Output):
    """Standard error: where it cannot be written, the exit code has to do."""

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self._let_go()

    def write(self, text: str) -> int:
        super().write(text)
        return len(text)


class _OneOfMany:
    """A stream of one of several processes that do the same: it writes while that one speaks for all."""

    def __init__(self, stream: TextIO, speaks: Callable[[], bool]):
        self._stream, self._speaks = stream, speaks

    def write(self, text: str) -> int:
        return self._stream.write(text) if self._speaks() else len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def when(stream: TextIO, speaks: Callable[[], bool]) -> TextIO:
    """The stream, as long as this process `speaks`; else what is written is lost."""
    return cast(TextIO, _OneOfMany(stream, speaks))


def _divert(stream: TextIO) -> None:
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # no stream of the system
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


@contextmanager
def guarded() -> Iterator[None]:
    """While a command runs, trouble with standard output raises `Unwritten` or `Gone`, and with standard error nothing.

    The numbers of closed streams are taken first: the next file opened would get one, and what is printed be its content."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show × shows ?
    sys.stdout, sys.stderr = cast(TextIO, _Output(sys.stdout)), cast(TextIO, _Words(sys.stderr))
    try:
        yield
    finally:
        try:
            sys.stderr.flush()
        finally:
            sys.stdout, sys.stderr = before
