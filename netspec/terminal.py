"""A terminal: how wide it is, how wide a text is on it, and a line of it that is drawn again and again.

No colours, and no other orders to the terminal than the carriage return: whatever shows text shows this.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

USUAL = 80  # columns, where a terminal does not say
PAUSE = 0.1  # seconds between two drawings
ECHO = len("^C")  # what a terminal writes behind the line where somebody interrupts
NARROW, INSET = 32, 5  # a column of less than so many columns is narrow; how far in a text stands below its head


def cells(text: str) -> int:
    """How many columns a text takes: two for a wide character (Chinese, an emoji), none for a mark on the one before."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, width: int) -> str:
    """The text, or its beginning and two dots where it is wider."""
    if cells(text) <= width:
        return text
    while text and cells(text) > max(0, width - 2):
        text = text[:-1]
    return (text + "..")[: max(0, width)]


def abridged(text: str, width: int) -> str:
    """The text, or both its ends where it is wider: `auxiliary_c..accuracy`."""
    if cells(text) <= width:
        return text
    end = text
    while cells(end) > (width - 2) // 2:
        end = end[1:]
    return cut(text, width - cells(end)) + end


def folded(text: str, room: int | None) -> str:
    """The text, broken between words where a line has less room; what goes on stands two columns in."""
    if room is None or cells(text) <= room:
        return text
    lines = [""]
    for k, word in enumerate(text.split(" ")):
        if k and lines[-1].strip() and cells(f"{lines[-1].rstrip()} {word}") > room:
            lines.append(f"  {word}")
        else:
            lines[-1] += f"{' ' * (k > 0)}{word}"
    return "\n".join(line.rstrip() for line in lines)


def beside(head: str, text: str, at: int, room: int | None) -> str:
    """A text in a column to the right of its head, folded there; below its head where the column would be narrow."""
    whole = f"{head:<{at}}{text}"
    if room is None or cells(whole) <= room:
        return whole
    narrow = room - at < NARROW
    inset = " " * (INSET if narrow else at)
    first, *rest = folded(text, room - len(inset)).split("\n")
    above = head.rstrip() if cells(head.rstrip()) <= room else folded(" ".join(head.split()), room)
    lines = [*filter(None, [above]), inset + first] if narrow else [f"{head:<{at}}{first}"]
    return "\n".join([*lines, *(inset + line for line in rest)])


def in_a_row(texts: Sequence[str], room: int | None) -> str:
    """Texts beside each other, each whole, as many on a line as there is room for; what goes on stands two columns in."""
    lines = [""]
    for text in texts:
        if lines[-1].strip() and room is not None and cells(f"{lines[-1]}  {text}") > room:
            lines.append(f"  {text}")
        else:
            lines[-1] += f"{'  ' if lines[-1] else ''}{text}"
    return "\n".join(lines)


def tell(text: str) -> None:
    """Print for a person who waits. What keeps it from them, a pipe that is closed, keeps nobody from what they wait for."""
    with suppress(Exception):
        print(text, flush=True)


def is_terminal(stream: Any) -> bool:
    """Whether a stream is one. What only writes, as a program's own object in the place of standard output may, is none; nor is
    what is closed."""
    try:
        return bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def columns(stream: Any) -> int | None:
    """How many columns a line of a stream may take: those of its terminal now, and what COLUMNS says where that is less; None
    where nothing bounds it."""
    said = os.environ.get("COLUMNS", "")
    bounds = [int(said)] if said.isascii() and said.isdigit() and len(said) < 10 else []
    if is_terminal(stream):
        with suppress(OSError, ValueError):  # of a stream of a program that stands for a terminal
            bounds.append(os.get_terminal_size(stream.fileno()).columns)
        bounds = [b for b in bounds if b > 0] or [USUAL]
    return min((b for b in bounds if b > 0), default=None)


def duration(seconds: float) -> str:
    """`0 s`, `0.3 s`, `42 s`, `3.1 min`, `42 min`, `1.7 h`, `12 h`, `5.2 d`."""
    for unit, size, most in (("s", 1, 99.5), ("min", 60, 99.5), ("h", 3600, 47.5), ("d", 86400, float("inf"))):
        n = seconds / size
        if n < most:
            return f"{n:.1f} {unit}" if 0 < n < 9.95 else f"{n:.0f} {unit}"
    return "-"


class Line:
    """The line. It gives way to everything that is printed while it is there (see `live`)."""

    def __init__(self, stream: Any):
        self.stream = stream
        self.reach = 0  # columns that are drawn on
        self.begun = False  # somebody has printed the beginning of a line
        self.again = 0.0  # when it may be drawn again
        self.turn = threading.RLock()

    @property
    def due(self) -> bool:
        """Whether it is time to draw."""
        return monotonic() >= self.again

    @property
    def reaches(self) -> int:
        """The columns it may take at most: the last is left free, as some terminals go on to the next line there."""
        return max(1, (columns(self.stream) or USUAL) - 1)

    @property
    def width(self) -> int:
        """The columns that it better takes, so that there is room behind it for the echo of an interrupt."""
        return max(1, self.reaches - ECHO)

    def draw(self, text: str) -> None:
        with self.turn:
            self.again = monotonic() + PAUSE
            if self.begun:
                return
            text = cut(text, self.reaches)
            before, now = self.reach, cells(text)
            self.reach = max(before, now)  # should an interrupt come now
            self._write("\r" + text + " " * (min(before, self.reaches) - now))
            self.reach = now

    def clear(self) -> None:
        """Leave an empty line, and the cursor at its beginning."""
        with self.turn:
            if self.reach:
                self._write("\r" + " " * min(self.reach + ECHO, self.reaches) + "\r")
                self.reach = 0

    def _write(self, text: str) -> None:
        with suppress(Exception):  # nobody watches any more
            self.stream.write(text)
            self.stream.flush()


class _Above:
    """A standard stream while a line is drawn; `_over` where the line is gone, and somebody still holds it."""

    def __init__(self, stream: Any, line: Line):
        self._stream, self._line, self._over = stream, line, False

    def write(self, text: str) -> int:
        if self._over:
            return int(self._stream.write(text))
        with self._line.turn:
            self._line.clear()
            written = int(self._stream.write(text))
            if text and is_terminal(self._stream):
                self._line.begun = not text.endswith("\n")
            return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def shows() -> Any:
    """The stream on which a line can be drawn: standard output where that is a terminal; standard error where the other goes to
    a file. None where nobody watches, or where another program reads the output."""
    out, error = sys.stdout, sys.stderr
    if os.environ.get("TERM") == "dumb":
        return None
    if is_terminal(out) or type(out).__module__.partition(".")[0] == "ipykernel":  # a notebook
        return out
    return error if is_terminal(error) and _file(out) else None


def _file(stream: Any) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (AttributeError, OSError, ValueError):
        return False


_taking_turns = threading.Lock()  # at putting streams in the place of others


@contextmanager
def live() -> Iterator[Line | None]:
    """A line below whatever is printed inside; None where there is no terminal. Lines of several threads may come and go in any
    order."""
    with _taking_turns:
        stream = shows()
        before, line = (sys.stdout, sys.stderr), Line(stream)
        above = tuple(None if s is None else _Above(s, line) for s in before)
        if stream is not None:
            sys.stdout, sys.stderr = above
    try:
        yield line if stream is not None else None
    finally:
        with _taking_turns:
            line.clear()
            for name, ours in zip(("stdout", "stderr"), above):
                if ours is not None:
                    ours._over = True
                while isinstance(now := getattr(sys, name), _Above) and now._over:  # nobody else has taken its place
                    setattr(sys, name, now._stream)
