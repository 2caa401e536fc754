"""What a text is read into is built once: a long list, chain or argument list is not copied for each of its parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netspec.source import Source
from netspec.syntax.grammar import machine
from netspec.syntax.parser import parse

N = 2_000
LONG = {
    "list": "x = [" + "1, " * N + "1]\n",
    "chain": "net a:\n  input 4\n  " + " -> ".join(["relu"] * N) + "\n",
    "arguments": "net a:\n  input 4\n  a: relu\n  add" + " @a" * N + "\n",
    "parameters": f"net a({', '.join(f'p{k}=1' for k in range(N))}):\n  input 4\n",
    "lines": "net a:\n  input 4\n" + "  relu\n" * N,
    "nets": "".join(f"net a{k}:\n  input 4\n" for k in range(N)),
    "branches": "net a:\n  input 4\n  concat:\n" + "    | relu\n" * N,
    "names": "import " + ", ".join(f"a{k}" for k in range(N)) + ' from "b.net"\n',
}


@pytest.mark.parametrize("what", LONG)
def test_each_part_is_copied_a_few_times(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = 0

    def counted(shaped: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        def value(parts: list[Any]) -> Any:
            nonlocal copied
            made = shaped(parts)
            copied += len(made) if isinstance(made, tuple | list) else 0
            return made
        return value

    automaton = machine().automaton
    rows = {state: {t: (to[0], counted(to[1]), to[2]) if isinstance(to, tuple) else to for t, to in row.items()}
            for state, row in automaton.rows.items()}
    monkeypatch.setattr(automaton, "rows", rows)
    assert parse(Source("long.net", LONG[what]))
    assert N < copied < 20 * N
