"""How a word says no (`WordError`), and what is said of one whose code is wrong (`WordFault`): the line of the spec that names
it, and the file and line of its own code.

Every method of a word is guarded as its class is made (see `Word`), so that nobody who calls one has to think of it.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from functools import cached_property, wraps
from inspect import unwrap
from os.path import dirname, join
from traceback import walk_tb
from types import FunctionType
from typing import Any

from ..diagnostics import Diagnostic, Label, NetspecError
from ..source import Span
from ..version import __version__

PACKAGE = join(dirname(dirname(__file__)), "")
SPECIAL = ("__str__", "__post_init__")  # of the methods that Python calls by itself, those that authors write


class WordError(Exception):
    """A word refused its arguments or its inputs.

    Rules know no spans: `code`, `label` (what stands under the caret), `notes` (facts, one a line), `hint` (what can
    be pasted), `advice` (what to do where nothing can) and `swap` are all they say. The pass that called them adds where. `swap`
    is (as it may be written, what could stand there) pairs: the first one that the step holds makes the hint.
    """

    def __init__(self, message: str, *notes: str, label: str = "", hint: str = "", code: str = "shape-mismatch", advice: str = "",
                 swap: tuple[tuple[str, str], ...] = ()):
        super().__init__(message)
        self.message, self.label, self.hint, self.code, self.swap = message, label, hint, code, swap
        self.notes = (*notes, *([advice] if advice else []))


class WordFault(NetspecError):
    """The code of a word raised what is no refusal; that exception is the cause. `packaged`: its file is one of the package."""

    def __init__(self, diagnostic: Diagnostic, packaged: bool):
        super().__init__(diagnostic)
        self.packaged = packaged


def say_where(word: Any, span: Span) -> None:
    """Let a word know where it was named, so that what its code does wrong later is told there."""
    object.__setattr__(word, "said_at", span)


def guard(cls: type[Any], whole: type[Any], word: Callable[[Any], Any] = lambda self: self) -> None:
    """Have the methods of a class raise WordFault for what they let out that is no refusal: its own methods, and those of
    classes outside `whole` that it inherits, as a mixin's. `word` gives of an instance the word whose code it is; of None,
    exceptions stay as they are."""
    for name in {n for c in cls.__mro__ for n in vars(c) if n in SPECIAL or not n.startswith("__")}:
        owner = next(c for c in cls.__mro__ if name in vars(c))
        if owner is cls or not (issubclass(owner, whole) or issubclass(whole, owner)):
            member = vars(owner)[name]
            guarded = _guarded(member, word)
            if guarded is not member:
                setattr(cls, name, guarded)


def _guarded(member: Any, word: Callable[[Any], Any]) -> Any:
    if isinstance(member, property):
        return property(_guarded(member.fget, word), _guarded(member.fset, word), _guarded(member.fdel, word), member.__doc__)
    if isinstance(member, cached_property):  # it may be a mixin's, and others take it in as well
        made: cached_property[Any] = cached_property(_guarded(member.func, word))
        made.attrname, made.__doc__ = member.attrname, member.__doc__
        return made
    if not isinstance(member, FunctionType):
        return member

    @wraps(member)
    def guarded(self: Any, *given: Any, **named: Any) -> Any:
        try:
            return member(self, *given, **named)
        except (WordError, NetspecError, MemoryError):
            raise
        except Exception as e:
            whose = word(self)
            if whose is None:
                raise
            raise _fault(whose, whose.written_in if whose is self else type(self), member, e) from e

    return guarded


def _fault(word: Any, code: Any, method: FunctionType, e: Exception) -> WordFault:
    """What is said of a word, as one of its methods raises. `code` is the class or the function that holds its code."""
    file, packaged, said = _file(code), code.__module__.startswith("netspec."), str(e).splitlines()
    left = _left(file, e)
    if left is None and not method.__code__.co_filename.startswith(PACKAGE):  # a method that it inherits from another file
        left = _left(method.__code__.co_filename, e)
    place, line = (file, "") if left is None else (f"{left[0]}:{left[1]}", linecache.getline(*left).strip())
    notes = [f"it was raised while the {word.sort} `{word.name}` ran, whose file is {place}"]
    if line:
        notes.append(f"in `{method.__name__}`:  {line}")
    elif isinstance(e, NotImplementedError):
        notes.append(f"its class has to define `{method.__name__}`")
    if packaged:
        notes.append(f"if that file came with netspec {__version__}, please report it with the spec and the command")
    title = f"the {word.sort} `{word.name}` failed: {type(e).__name__}" + (f": {said[0]}" if said else "")
    labels = () if word.said_at is None else (Label(word.said_at),)
    return WordFault(Diagnostic("failed-word", title, labels, tuple(notes)), packaged)


def _file(code: Any) -> str:
    """The file that a class or a function stands in; of one that was typed into a notebook, what Python calls that."""
    file = getattr(sys.modules.get(code.__module__), "__file__", None)
    members = [unwrap(f) for f in (code, *vars(code).values()) if isinstance(f, FunctionType)]
    typed = [f.__code__.co_filename for f in members if f.__module__ == code.__module__]
    return str(file or next((f for f in typed if f != "<string>"), code.__module__))  # what dataclasses make is a <string>


def _left(file: str, e: Exception) -> tuple[str, int] | None:
    """The last line of a file on the way to an exception."""
    lines = [line for frame, line in walk_tb(e.__traceback__) if frame.f_code.co_filename == file]
    return (file, lines[-1]) if lines else None
