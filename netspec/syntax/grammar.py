"""The grammar as a machine that reads tokens: grammars/net.json, which table.py made of grammars/net.lark.

The table is read as data, in a few milliseconds. Where it is not the grammar's (somebody is changing the grammar, and
has not run table.py yet), it is made anew for this process.
"""

from __future__ import annotations

import json
from functools import lru_cache
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


@lru_cache(maxsize=1)
def machine() -> Machine:
    text = grammar_text()
    try:
        table = json.loads(grammar_text("net.json"))
    except (OSError, ValueError):
        table = {}
    return Machine(table if table.get("grammar") == digest(text) else build(text), TreeBuilder())
