"""Python's pickles, read without running any of what they say.

A pickle is a program for a small machine that may call any function. This machine calls none: it knows the numbers, texts,
lists, tuples and dicts of the format, and the few orders by which NumPy writes down an array, which it carries out itself.
Whatever else a file asks for is refused by name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST = 50_000_000  # orders of a file
PLAIN = frozenset("buif")  # sorts of numbers in arrays


class Refused(Exception):
    """What a pickle holds that is not read; or it is damaged."""


@dataclass(frozen=True)
class Named:
    """What a pickle names: a function, or a class. It is never looked for."""

    module: str
    name: str


@dataclass
class Dtype:
    """A dtype that is still being described."""

    text: str
    order: str = "="

    def numpy(self) -> np.dtype[Any]:
        try:
            found = np.dtype(self.text)
        except (TypeError, ValueError):
            raise Refused(f"an array of {self.text!r}") from None
        if found.kind not in PLAIN:
            raise Refused(f"an array of {self.text!r}")
        return found.newbyteorder(self.order) if self.order in "<>" else found  # type: ignore[arg-type]


@dataclass
class Shell:
    """An array whose numbers are still to come."""

    array: Any = None


class Mark:
    """The place on the stack where a list of things begins."""


MARK = Mark()
MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")


def load(data: bytes) -> Any:
    """What a pickle holds: numbers, texts, bytes (texts of Python 2 as well), lists, tuples, dicts and arrays of numbers.

    Errors: Refused.
    """
    try:
        return _Machine(data).run()
    except Refused:
        raise
    except (IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error, OverflowError, RecursionError) as e:
        raise Refused(f"it is damaged ({type(e).__name__})") from None


class _Machine:
    """One reading of a pickle."""

    def __init__(self, data: bytes):
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST):
            order = self.take(1)
            if order == b".":
                return finished(self.stack.pop())
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
        held.update(zip(items[::2], items[1::2]))

    def named(self, module: Any, name: Any) -> None:
        if not isinstance(module, str | bytes) or not isinstance(name, str | bytes):
            raise Refused("it is damaged (a name)")
        self.push(Named(text(module), text(name)))

    def call(self) -> None:
        """What a pickle would call a function for, of the few functions that write arrays down."""
        given = self.stack.pop()
        what = self.stack.pop()
        if not isinstance(what, Named) or not isinstance(given, tuple):
            raise Refused("it calls what it made itself")
        asked = f"{what.module}.{what.name}"
        if what.module in MULTIARRAY and what.name == "_reconstruct" and given[0] == Named("numpy", "ndarray"):
            self.push(Shell())
        elif asked == "numpy.dtype":
            self.push(Dtype(text(given[0])))
        elif asked == "_codecs.encode" and len(given) == 2 and text(given[1]) in ("latin1", "latin-1"):
            self.push(text(given[0]).encode("latin-1"))
        elif what.module in NUMERIC and what.name == "_frombuffer":
            buffer, dtype, shape, fortran = given
            self.push(array(shape, dtype, fortran == "F", buffer))
        elif what.module in MULTIARRAY and what.name == "scalar":
            self.push(array((), given[0], False, given[1])[()].item())
        else:
            raise Refused(f"it calls {asked}")

    def build(self) -> None:
        """The state of an array or a dtype."""
        state, held = self.stack.pop(), self.stack[-1]
        if isinstance(held, Shell) and isinstance(state, tuple) and len(state) == 5:
            held.array = array(state[1], state[2], bool(state[3]), state[4])
        elif isinstance(held, Dtype) and isinstance(state, tuple) and len(state) >= 2 and text(state[1]) in ("<", ">", "=", "|"):
            held.order = text(state[1])
        else:
            raise Refused("it sets the state of an object")


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
}
