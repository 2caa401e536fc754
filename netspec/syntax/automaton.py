"""Lark's LALR table, run one token at a time, with stacks that can be copied and put back.

The table and the callbacks that shape the tree are Lark's; its own loop hashes a rule and raises an exception where this
one looks up a number and says False, which is most of the time it takes to read a large file.
"""

from __future__ import annotations

from typing import Any

from .lexer import Token

Kept = tuple[list[int], list[Any]]


class Automaton:
    """For every state, what each terminal does: shift to a state, or reduce; and where each rule leads."""

    def __init__(self, lark: Any):
        from lark.parse_tree_builder import ExpandSingleChild
        from lark.parsers.lalr_analysis import Shift

        conf = lark.parse_interactive("").parser_state.parse_conf
        self.start, self.end = conf.start_state, conf.end_state
        self.rows: dict[int, dict[str, Any]] = {}
        self.terminals = {state: frozenset(t for t in row if t.isupper()) for state, row in conf.states.items()}
        for state, row in conf.states.items():
            made = self.rows[state] = {}
            for symbol, (action, arg) in row.items():
                if action is Shift:
                    made[symbol] = arg
                else:
                    callback = conf.callbacks[arg]
                    # `?arith: term` stands for its one part: nothing is built
                    alone = len(arg.expansion) == 1 and isinstance(callback, ExpandSingleChild)
                    made[symbol] = Chain(self.rows, symbol, arg.origin.name) if alone else (len(arg.expansion), callback, arg.origin.name)


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
