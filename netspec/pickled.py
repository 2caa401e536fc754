"""Python's pickles, read without running any of what they say.

A pickle is a program for a small machine that may call any function. This machine calls none: it knows the numbers, texts,
lists, tuples and dicts of the format, and the words of a `Vocabulary`, which it carries out itself: the few by which NumPy
writes down an array, unless a reader of other files gives more. Nothing that a pickle names is ever looked for.

Whatever else a file asks for is refused by name. A vocabulary may let objects of unknown classes stand as `Opaque` values, of
which only the name and what was said of them are kept; a call of an unknown function is refused there too.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST = 50_000_000  # orders of a file
KEY = 2**60  # a number that is a key: below it no two have the same hash
TUPLES = 10_000  # keys of a file that are tuples
PLAIN = frozenset("buif")  # sorts of numbers in arrays
HARMLESS = frozenset(("_codecs", "argparse", "collections", "copyreg", "copy_reg", "datetime", "decimal", "enum", "fractions",
                      "pathlib", "types.SimpleNamespace", "uuid"))  # what of Python itself stands in checkpoints


class Refused(Exception):
    """What a pickle holds that is not read; or it is damaged."""


@dataclass(frozen=True)
class Named:
    """What a pickle names: a function, or a class. It is never looked for."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Opaque:
    """An object of a class that nobody here knows, and what the pickle says of it."""

    of: str
    given: tuple[Any, ...] = ()
    state: Any = None


@dataclass
class Dtype:
    """A dtype that is still being described."""

    text: str
    order: str = "="

    def numpy(self) -> np.dtype[Any]:
        try:
            found = np.dtype(self.text) if len(self.text) < 16 else None
        except (TypeError, ValueError):
            found = None
        if found is None or found.kind not in PLAIN:
            raise Refused(f"an array of {self.text[:20]!r}")
        return found.newbyteorder(self.order) if self.order in "<>" else found  # type: ignore[arg-type]


@dataclass
class Shell:
    """An array whose numbers are still to come."""

    array: Any = None


class Mark:
    """The place on the stack where a list of things begins."""


MARK = Mark()


@dataclass(frozen=True)
class Vocabulary:
    """What a pickle may say besides plain values: the functions that are carried out here by their full names, what stands for
    a thing that is kept outside of the pickle, and whether objects of unknown classes are let be."""

    calls: Mapping[str, Callable[..., Any]]
    kept: Callable[[Any], Any] | None = None
    opaque: bool = False


def load(data: bytes) -> Any:
    """What a pickle holds: numbers, texts, bytes (texts of Python 2 as well), lists, tuples, dicts and arrays of numbers.

    Errors: Refused.
    """
    return finished(read(data, Vocabulary(NUMPY))[0])


def read(data: bytes, words: Vocabulary, at: int = 0) -> tuple[Any, int]:
    """What a pickle that begins at a byte holds, arrays in their shells, and where it ends.

    Errors: Refused.
    """
    machine = _Machine(data, words, at)
    try:
        return machine.run(), machine.at
    except Refused:
        raise
    except (IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error, OverflowError, RecursionError,
            MemoryError) as e:
        raise Refused(f"it is damaged ({type(e).__name__})") from None


class _Machine:
    """One reading of a pickle."""

    def __init__(self, data: bytes, words: Vocabulary, at: int):
        self.data, self.words, self.at = data, words, at
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.encoded = self.tuples = 0

    def run(self) -> Any:
        for _ in range(MOST):
            order = self.take(1)
            if order == b".":
                return self.stack.pop()
            act = ORDERS.get(order)
            if act is None:
                raise Refused(f"the order {order!r} of Python's pickles")
            act(self)
        raise Refused(f"more than {MOST:,} orders")

    def take(self, n: int) -> bytes:
        if not 0 <= n <= len(self.data) - self.at:
            raise Refused("it is cut short")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, kind: str) -> int:
        (found,) = struct.unpack("<" + kind, self.take(struct.calcsize("<" + kind)))
        return int(found)

    def line(self) -> bytes:
        end = self.data.index(b"\n", self.at)
        found = self.data[self.at : end]
        self.at = end + 1
        return found

    def push(self, v: Any) -> None:
        self.stack.append(v)

    def since_mark(self) -> list[Any]:
        k = len(self.stack) - 1
        while self.stack[k] is not MARK:
            k -= 1
            if k < 0:
                raise Refused("it is damaged (no mark)")
        found = self.stack[k + 1 :]
        del self.stack[k:]
        return found

    def remember(self, k: int) -> None:
        if not 0 <= k < 1 << 32:
            raise Refused("it is damaged (a place in the memo)")
        self.memo[k] = self.stack[-1]

    def extend(self, items: list[Any]) -> None:
        held = self.stack[-1]
        if not isinstance(held, list):
            raise Refused("it appends to what is no list")
        held.extend(items)

    def put(self, items: list[Any]) -> None:
        held = self.stack[-1]
        if not isinstance(held, dict) or len(items) % 2:
            raise Refused("it puts things into what is no dict")
        for key in items[::2]:
            self.fits(key)
        held.update(zip(items[::2], items[1::2]))

    def named(self, module: Any, name: Any) -> None:
        if not isinstance(module, str | bytes) or not isinstance(name, str | bytes):
            raise Refused("it is damaged (a name)")
        self.push(Named(text(module), text(name)))

    def fits(self, key: Any) -> None:
        """Whether a value may be a key: a plain one, or a short tuple of such. The hash of a deep tuple overflows the stack, and
        numbers and tuples that were made to have one hash take for ever."""
        if isinstance(key, tuple) and len(key) <= 8 and self.tuples < TUPLES:
            self.tuples += 1
            plain = key
        else:
            plain = (key,)
        if not all(k is None or isinstance(k, str | bytes | float) or (isinstance(k, int) and abs(k) < KEY) for k in plain):
            raise Refused("a key that is neither a text nor a number")

    def call(self) -> None:
        """What a pickle would call a function for."""
        given, what = self.stack.pop(), self.stack.pop()
        self.push(self.made(what, given))

    def made(self, what: Any, given: Any) -> Any:
        """What a function or a class would make of its arguments: done here for those in the vocabulary."""
        if not isinstance(what, Named) or not isinstance(given, tuple):
            raise Refused("it calls what it made itself")
        if str(what) == "_codecs.encode":
            return self.encode(*given)
        act = self.words.calls.get(str(what))
        if act is not None:
            return act(*given)
        if not self.words.opaque or _runs(what):
            raise Refused(f"it calls {what}")
        return Opaque(str(what), given)

    def encode(self, letters: Any, how: Any) -> bytes:
        """Bytes that Python 3 writes down as a text of Python 2. A text that is remembered may be named again and again."""
        if text(how) not in ("latin1", "latin-1"):
            raise Refused(f"a text in {text(how)[:20]!r}")
        found = text(letters).encode("latin-1")
        self.encoded += len(found)
        if self.encoded > 2 * len(self.data):
            raise Refused("it makes more of one text than it holds")
        return found

    def kept(self, sign: Any) -> None:
        """A thing that is kept outside of the pickle."""
        if self.words.kept is None:
            raise Refused("it names what is kept outside of it")
        self.push(self.words.kept(sign))

    def instance(self, what: Any, given: tuple[Any, ...]) -> None:
        """An object, as old protocols make one."""
        self.push(self.made(what, given))

    def build(self) -> None:
        """The state of an array, a dtype, or an object that is let be."""
        state, held = self.stack.pop(), self.stack[-1]
        if isinstance(held, Shell) and isinstance(state, tuple) and len(state) == 5:
            held.array = array(state[1], state[2], bool(state[3]), state[4])
        elif isinstance(held, Dtype) and isinstance(state, tuple) and len(state) >= 2 and text(state[1]) in ("<", ">", "=", "|"):
            held.order = text(state[1])
        elif self.words.opaque and isinstance(held, Opaque):
            held.state = state
        elif not (self.words.opaque and isinstance(held, dict | list)):  # what an OrderedDict has besides its items is let be
            raise Refused("it sets the state of an object")


def _runs(what: Named) -> bool:
    """Whether an unknown name means something that does, not something that is: a function by its name, or anything of
    Python's own modules but what stands in checkpoints. Neither is looked for; it tells what is refused from what is let be."""
    top, names = what.module.partition(".")[0], what.name.split(".")
    class_like = all(n.lstrip("_")[:1].isupper() for n in names)
    if top in sys.stdlib_module_names | {"__builtin__", "nt", "posix", "commands"}:
        return len(names) > 1 or not {top, str(what)} & HARMLESS
    if top in ("torch", "numpy"):  # each has private functions that put its own objects together
        return not (class_like or (len(names) == 1 and (what.module == "torch" or what.name.startswith("_"))))
    return not (class_like or top == "__torch__")


def _reconstruct(kind: Any, *_: Any) -> Shell:
    if kind != Named("numpy", "ndarray"):
        raise Refused("an array that is not of numbers")
    return Shell()


def _scalar(dtype: Any, data: Any = None) -> Any:
    return array((), dtype, False, data)[()].item()


NUMPY: dict[str, Callable[..., Any]] = {
    "numpy.dtype": lambda kind, *_: Dtype(text(kind)),
    **{f"numpy.{core}.multiarray._reconstruct": _reconstruct for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": lambda buffer, dtype, shape, order: array(shape, dtype, order == "F", buffer)
       for core in ("core", "_core")},
}


def array(shape: Any, dtype: Any, fortran: bool, data: Any) -> Any:
    """An array of numbers from their bytes."""
    if isinstance(data, str):  # a text of Python 2, read as one of Python 3
        data = data.encode("latin-1")
    if not isinstance(dtype, Dtype) or not isinstance(shape, tuple) or not isinstance(data, bytes) or not all(
            isinstance(s, int) and s >= 0 for s in shape):
        raise Refused("an array that is not of numbers")
    return np.frombuffer(data, dtype.numpy()).reshape(shape, order="F" if fortran else "C")


def text(v: Any) -> str:
    """A text, be it one of Python 2."""
    if isinstance(v, bytes):
        return v.decode("latin-1")
    if not isinstance(v, str):
        raise Refused("it is damaged (a text)")
    return v


def finished(v: Any) -> Any:
    """A value without its shells: arrays stand alone, or in dicts and lists."""
    if isinstance(v, Shell):
        return v.array
    if isinstance(v, dict):
        return {k: e.array if isinstance(e, Shell) else e for k, e in v.items()}
    if isinstance(v, list | tuple):
        return type(v)(e.array if isinstance(e, Shell) else e for e in v)
    if isinstance(v, Named | Dtype):
        raise Refused("it holds no data")
    return v


def _int(m: _Machine) -> None:
    digits = m.line()
    m.push({b"00": False, b"01": True}[digits] if digits in (b"00", b"01") else _whole(digits))


def _whole(digits: bytes) -> int:
    if len(digits) > 30:
        raise Refused("a number of so many digits")
    return int(digits.rstrip(b"L"))


def _quoted(m: _Machine) -> None:
    """A text of Python 2 in quotes, as protocol 0 has it; one with escapes is not read."""
    found = m.line()
    if len(found) < 2 or found[:1] != found[-1:] or found[:1] not in b"'\"" or b"\\" in found:
        raise Refused("a text with escapes")
    m.push(found[1:-1])


def _long(m: _Machine) -> None:
    n = m.number("B")
    if n > 16:
        raise Refused("a number of so many digits")
    m.push(int.from_bytes(m.take(n), "little", signed=True))


def _float(m: _Machine) -> None:
    m.push(struct.unpack(">d", m.take(8))[0])


def _dict(m: _Machine) -> None:
    items = m.since_mark()
    m.push({})
    m.put(items)


def _stacked(m: _Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    m.named(module, name)


def _pair(m: _Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    m.put([key, value])


def _tuple(n: int) -> Callable[[_Machine], None]:
    def act(m: _Machine) -> None:
        found = tuple(m.stack[len(m.stack) - n :])
        if len(found) != n:
            raise Refused("it is damaged (a tuple)")
        del m.stack[len(m.stack) - n :]
        m.push(found)

    return act


def _set(m: _Machine) -> None:
    """A set, as a list of what is in it."""
    if not m.words.opaque:
        raise Refused("a set")
    m.push([])


def _object(m: _Machine) -> None:
    what, *given = m.since_mark()
    m.instance(what, tuple(given))


def _inst(m: _Machine) -> None:
    what = Named(text(m.line()), text(m.line()))
    m.instance(what, tuple(m.since_mark()))


def _with_names(m: _Machine) -> None:
    """An object of arguments by position and by name."""
    names = m.stack.pop()
    given, what = m.stack.pop(), m.stack.pop()
    if not isinstance(names, dict) or not m.words.opaque:
        raise Refused("it makes an object")
    m.instance(what, (*given, *names.values()))


def _frozen_set(m: _Machine) -> None:
    items = m.since_mark()
    _set(m)
    m.extend(items)


def _append(m: _Machine) -> None:
    item = m.stack.pop()
    m.extend([item])


ORDERS: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.take(1), b"\x95": lambda m: m.take(8),  # which protocol; how long a frame is
    b"(": lambda m: m.push(MARK), b"0": lambda m: m.stack.pop(), b"2": lambda m: m.push(m.stack[-1]),
    b"1": lambda m: m.since_mark(),
    b"N": lambda m: m.push(None), b"\x88": lambda m: m.push(True), b"\x89": lambda m: m.push(False),
    b"I": _int, b"L": lambda m: m.push(_whole(m.line())), b"J": lambda m: m.push(m.number("i")),
    b"K": lambda m: m.push(m.number("B")), b"M": lambda m: m.push(m.number("H")), b"\x8a": _long,
    b"F": lambda m: m.push(float(m.line())), b"G": _float,
    b"S": _quoted, b"T": lambda m: m.push(m.take(m.number("i"))), b"U": lambda m: m.push(m.take(m.number("B"))),
    b"B": lambda m: m.push(m.take(m.number("I"))), b"C": lambda m: m.push(m.take(m.number("B"))),
    b"\x8e": lambda m: m.push(m.take(m.number("Q"))), b"\x96": lambda m: m.push(m.take(m.number("Q"))),
    b"V": lambda m: m.push(m.line().decode("raw-unicode-escape")), b"X": lambda m: m.push(m.take(m.number("I")).decode()),
    b"\x8c": lambda m: m.push(m.take(m.number("B")).decode()), b"\x8d": lambda m: m.push(m.take(m.number("Q")).decode()),
    b"]": lambda m: m.push([]), b"l": lambda m: m.push(m.since_mark()), b"a": _append,
    b"e": lambda m: m.extend(m.since_mark()),
    b")": lambda m: m.push(()), b"t": lambda m: m.push(tuple(m.since_mark())), b"\x85": _tuple(1), b"\x86": _tuple(2),
    b"\x87": _tuple(3),
    b"}": lambda m: m.push({}), b"d": _dict, b"s": _pair, b"u": lambda m: m.put(m.since_mark()),
    b"g": lambda m: m.push(m.memo[int(m.line())]), b"h": lambda m: m.push(m.memo[m.number("B")]),
    b"j": lambda m: m.push(m.memo[m.number("I")]),
    b"p": lambda m: m.remember(int(m.line())), b"q": lambda m: m.remember(m.number("B")),
    b"r": lambda m: m.remember(m.number("I")), b"\x94": lambda m: m.remember(len(m.memo)),
    b"c": lambda m: m.named(m.line(), m.line()), b"\x93": _stacked, b"R": lambda m: m.call(),
    b"b": lambda m: m.build(),
    b"\x81": lambda m: m.call(), b"\x92": _with_names, b"o": _object, b"i": _inst,
    b"P": lambda m: m.kept(text(m.line())), b"Q": lambda m: m.kept(m.stack.pop()),
    b"\x8f": _set, b"\x90": lambda m: m.extend(m.since_mark()), b"\x91": _frozen_set,
}
