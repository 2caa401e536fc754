"""The text of a directed graph in DOT, Graphviz's language (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

BARE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*|-?(\.[0-9]+|[0-9]+(\.[0-9]*)?)")  # what stands without quotes
WORDS = ("node", "edge", "graph", "digraph", "subgraph", "strict")  # but for these


class Digraph:
    """A graph, or a part of one. What is told is written at once; attributes stand in the order of their names, after the
    label of a node or an arc."""

    def __init__(self, head: str, graph: Mapping[str, str], node: Mapping[str, str] | None = None,
                 edge: Mapping[str, str] | None = None):
        self.lines = [f"{head} {{".strip()]
        for what, attributes in (("graph", graph), ("node", node), ("edge", edge)):
            if attributes:
                self.lines.append(f"\t{what}{_listed(dict(sorted(attributes.items())))}")

    def node(self, name: str, attributes: Mapping[str, str]) -> None:
        self.lines.append(f"\t{quoted(name)}{_listed(_ordered(attributes))}")

    def edge(self, source: str, target: str, attributes: Mapping[str, str]) -> None:
        self.lines.append(f"\t{quoted(source)} -> {quoted(target)}{_listed(_ordered(attributes))}")

    @contextmanager
    def part(self, head: str, graph: Mapping[str, str]) -> Iterator[Digraph]:
        """A part, which is in the graph when it is whole."""
        inner = Digraph(head, graph)
        yield inner
        self.lines += [f"\t{line}" for line in inner.text.splitlines()]

    @property
    def text(self) -> str:
        return "\n".join([*self.lines, "}", ""])


def quoted(text: str) -> str:
    """A name or a value. In quotes, a backslash keeps its meaning and a quote gets one."""
    bare = BARE.fullmatch(text) and text.lower() not in WORDS
    return text if bare else '"' + re.sub(r'((?:\\\\)*)\\?"', r'\1\\"', text) + '"'


def _ordered(attributes: Mapping[str, str]) -> Mapping[str, str]:
    """The label first."""
    return dict(sorted(attributes.items(), key=lambda a: (a[0] != "label", a)))


def _listed(attributes: Mapping[str, str]) -> str:
    return f" [{' '.join(f'{name}={quoted(value)}' for name, value in attributes.items())}]" if attributes else ""
