"""The LALR table of table.py, run one token at a time, with stacks that can be copied and put back.

A rule's parts become one value by the builder's method of its name: the parts that count (a comma does not), those of a
`*` one by one. A `*` grows by a rule that is applied once for each part; what it has so far is never copied (75,000 numbers
in a list would be copied 75,000 times) nor added to (stacks that were kept hold it too), but stands in the longer one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .builder import TreeBuilder
from .lexer import Token

Kept = tuple[list[int], list[Any]]
Shaped = Callable[[list[Any]], Any]


class Run(tuple[Any, ...]):
    """What a `*` has read so far: parts, the first of which may be the Run before."""

    __slots__ = ()


class Automaton:
    """For every state, what each terminal does: shift to a state, or reduce; and where each rule leads."""

    def __init__(self, table: dict[str, Any], builder: TreeBuilder):
        self.start, self.end = 0, table["end"]
        self.rows: dict[int, dict[str, Any]] = {}
        self.terminals = {state: frozenset(t for t in row if t.isupper()) for state, row in enumerate(table["states"])}
        rules: list[tuple[int, Shaped | None, str]] = []
        for origin, size, method, kept, inlined, single in table["rules"]:
            # `?arith: term` stands for its one part: nothing is built
            shaped = (None if size == 1 and single
                      else _shaped(getattr(builder, method, list) if method else Run, size, kept, inlined, single))
            rules.append((size, shaped, origin))
        for state, row in enumerate(table["states"]):
            made = self.rows[state] = {}
            for symbol, to in row.items():
                if to >= 0:
                    made[symbol] = to
                else:
                    rule = rules[-1 - to]
                    made[symbol] = Chain(self.rows, symbol, rule[2]) if rule[1] is None else rule


def _shaped(method: Shaped, size: int, kept: list[int], inlined: list[int], single: bool) -> Shaped:
    """What makes a rule's value of its parts."""
    if inlined and method is not Run:
        def picked(parts: list[Any]) -> list[Any]:
            return _one_by_one([parts[k] for k in kept])
    elif len(kept) < size:
        def picked(parts: list[Any]) -> list[Any]:
            return [parts[k] for k in kept]
    else:
        return (lambda parts: parts[0] if len(parts) == 1 else method(parts)) if single else method
    if single:
        def one(parts: list[Any]) -> Any:
            left = picked(parts)
            return left[0] if len(left) == 1 else method(left)
        return one
    return lambda parts: method(picked(parts))


def _one_by_one(parts: list[Any]) -> list[Any]:
    """Parts, with those of each Run among them in its place."""
    out, left = [], parts[::-1]
    while left:
        part = left.pop()
        if part.__class__ is Run:
            left += part[::-1]
        else:
            out.append(part)
    return out


class Chain(dict[int, int]):
    """A rule that stands for its one part, and all that follow it before the same terminal: from the state below to the one
    that comes to stand on top. A number is an atom, a power, a term ... ten such rules in a row, found once."""

    __slots__ = ("rows", "rule", "type")

    def __init__(self, rows: dict[int, dict[str, Any]], type_: str, rule: str):
        super().__init__()
        self.rows, self.type, self.rule = rows, type_, rule

    def __missing__(self, below: int) -> int:
        state: int = self.rows[below][self.rule]
        action = self.rows[state].get(self.type)
        self[below] = found = action[below] if action.__class__ is Chain else state
        return found


class Stacks:
    """One run of the automaton."""

    __slots__ = ("automaton", "states", "values")

    def __init__(self, automaton: Automaton):
        self.automaton = automaton
        self.states: list[int] = [automaton.start]
        self.values: list[Any] = []

    def keep(self) -> Kept:
        return self.states[:], self.values[:]

    def put_back(self, kept: Kept) -> None:
        self.states[:], self.values[:] = kept

    def expected(self) -> frozenset[str]:
        """Terminals the automaton has an entry for; some may turn out not to fit after all."""
        return self.automaton.terminals[self.states[-1]]

    def feed(self, token: Token) -> bool:
        """Take a token; False where it does not fit. The reductions that came before are then made already."""
        rows, states, values, type_ = self.automaton.rows, self.states, self.values, token.type
        while True:
            action = rows[states[-1]].get(type_)
            if action.__class__ is int:
                states.append(action)
                values.append(token)
                return True
            if action is None:
                return False
            if action.__class__ is Chain:
                states[-1] = action[states[-2]]
                continue
            size, callback, rule = action
            parts: list[Any] = []
            if size:
                parts = values[-size:]
                del states[-size:], values[-size:]
            states.append(rows[states[-1]][rule])
            values.append(callback(parts))

    def finish(self) -> Any:
        """The value of the whole text; None where it ends in the middle of something."""
        rows, states, values = self.automaton.rows, self.states, self.values
        while states[-1] != self.automaton.end:
            action = rows[states[-1]].get("$END")
            if action is None or action.__class__ is int:
                return None
            if action.__class__ is Chain:
                states[-1] = action[states[-2]]
                continue
            size, callback, rule = action
            parts = values[len(values) - size :]
            del states[len(states) - size :], values[len(values) - size :]
            states.append(rows[states[-1]][rule])
            values.append(callback(parts))
        return values[-1]
