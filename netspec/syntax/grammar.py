"""The grammar as a machine that reads tokens: grammars/net.json, which table.py made of grammars/net.lark.

The table is read as data, in a few milliseconds. Where it is not the grammar's (somebody is changing the grammar, and
has not run table.py yet), it is made anew for this process.
"""

from __future__ import annotations

import json
from threading import local
from typing import Any

from .automaton import Automaton
from .builder import TreeBuilder
from .grammar_files import grammar_text
from .lexer import Scanner
from .table import build, digest


class Machine:
    """A grammar at work: the tree builder it calls, the scanner of its terminals, and the automaton."""

    def __init__(self, table: dict[str, Any], builder: TreeBuilder):
        self.builder, self.scanner, self.automaton = builder, Scanner(table["terminals"]), Automaton(table, builder)


class _Own(local):
    """The machine of a thread: its builder holds the source it works on."""

    machine: Machine | None = None


_OWN = _Own()


def machine() -> Machine:
    """That of this thread, made where it first parses."""
    if _OWN.machine is None:
        text = grammar_text()
        try:
            table = json.loads(grammar_text("net.json"))
        except (OSError, ValueError):
            table = {}
        _OWN.machine = Machine(table if table.get("grammar") == digest(text) else build(text), TreeBuilder())
    return _OWN.machine
