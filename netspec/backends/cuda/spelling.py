"""The right side of a formula as Python source in the dialect of CUDA kernels: numbers, no vectors.

A float is spelled `F(0.5)`, F being the network's dtype, since Numba would widen the arithmetic for a bare one; an index is a
64-bit integer until it meets a float.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from ...ir.formula import random_of, spell
from ...ir.functions import FUNCTIONS, Function

COMPARED = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}
ARITHMETIC = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class Writer:
    """Lines of a kernel under way, and fresh names."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0
        self.names = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def open(self, head: str) -> None:
        self.line(head)
        self.depth += 1

    def fresh(self, text: str) -> str:
        """A new name for a value that is used more than once."""
        self.names += 1
        name = f"t{self.names}"
        self.line(f"{name} = {text}")
        return name


def floats(w: Writer, e: ast.expr, read: Callable[[ast.Subscript], str], names: Mapping[str, str]) -> str:
    """An expression as a number of the network's dtype. `read` spells a read; `names` are the kernel's for the indices."""

    def go(x: ast.expr) -> str:
        match x:
            case ast.Subscript():
                return read(x)
            case ast.Constant(int() | float() as c):
                return f"F({float(c)!r})"
            case ast.Name(i):
                return f"F({names.get(i, i)})"
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as c)):
                return f"F({-float(c)!r})"
            case ast.UnaryOp(ast.USub(), a):
                return f"(-{go(a)})"
            case ast.BinOp(a, op, b):
                return f"({go(a)} {ARITHMETIC[type(op)]} {go(b)})"
            case ast.Call(ast.Name("where"), [ast.Compare(a, [op], [b]), yes, no]):
                # both sides are numbers already read: choosing between them costs no branch
                return f"({go(yes)} if {go(a)} {COMPARED[type(op)]} {go(b)} else {go(no)})"
            case ast.Call(ast.Name("random"), [ast.Subscript() as key, _, ast.Subscript() as first, _]):
                r = random_of(x)
                return uniform(w, read(key), f"{spell(r.index, names)} + {r.example} * {read(first)}")
            case ast.Call(ast.Name(name), arguments) if name in FUNCTIONS:
                return called(w, FUNCTIONS[name], [go(a) for a in arguments])
        raise ValueError(f"not an expression of the formula language: {ast.unparse(x)}")

    return go(e)


def called(w: Writer, f: Function, arguments: list[str]) -> str:
    """A function of these texts; what it uses more than once gets a name."""
    *before, value = f.cuda
    names: dict[str, str] = {}
    for letter, text in zip("ab", arguments):
        often = len(re.findall(rf"\b{letter}\b", " ".join(f.cuda))) > 1
        names[letter] = w.fresh(text) if often else text
    for text in before:
        names["t"] = w.fresh(_with(text, names))
    return _with(value, names)


def _with(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b[abt]\b", lambda m: names[m[0]], text)


def uniform(w: Writer, key: str, place: str) -> str:
    """`ir.randomness.uniform` in 64-bit integers: Numba has no arithmetic of 32 bits."""
    k, at = w.fresh(key), w.fresh(place)
    x = w.fresh(f"(({at}) ^ {k}) & 0xFFFFFFFF")
    for more in (None, f"(({k} >> 32) & 0xFFFFFFFF) ^ ((({at} >> 32) & 0xFFFFFFFF) * 0x9E3779B9 & 0xFFFFFFFF)"):
        if more is not None:
            x = w.fresh(f"{x} ^ {more}")
        x = w.fresh(f"({x} ^ ({x} >> 16)) * 0x7FEB352D & 0xFFFFFFFF")
        x = w.fresh(f"({x} ^ ({x} >> 15)) * 0x846CA68B & 0xFFFFFFFF")
        x = w.fresh(f"{x} ^ ({x} >> 16)")
    return f"(F({x} >> 8) * F({2.0**-24!r}))"
