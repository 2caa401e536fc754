"""The graph in the making."""

from __future__ import annotations

from ...ir.graph import Node, Parameter
from ...source import Span
from .scopes import Scope
from .values import Flow


class Draft:
    """The nodes made so far, their names, and where the net begins and ends."""

    def __init__(self) -> None:
        self.root = Scope("", None, None, wall=True)
        self.nodes: list[Node] = []
        self.maker: dict[str, Node] = {}  # of each value
        self.parameters: dict[str, Parameter] = {}
        self.inputs: dict[str, Span] = {}
        self.outputs: dict[str, tuple[Flow, Span]] = {}
        self.ends_with_output = False  # whether the line before was an output
        self.left = ""  # the value that the flow ends with, where the last line is an output and so does not take it
        self.read: set[str] = set()  # values something reads
        self.side: set[str] = set()  # nodes of side branches of called nets: kept only where something reads them
        self.results: dict[str, tuple[str, Span]] = {}  # what calls gave back: the path of the outermost, where it stands
        self.calls: dict[str, str] = {}  # of blocks and nets, by the scope that each runs in, arguments evaluated
        self.axes: set[str] = set()  # that an `each` has named

    def add(self, node: Node, in_side: bool) -> None:
        self.nodes.append(node)
        self.maker[node.name] = node
        if in_side:
            self.side.add(node.name)

    def kept(self) -> list[Node]:
        """The nodes without those of side branches that nothing reads."""
        if not self.side:
            return self.nodes
        kept: list[Node] = []
        needed = {flow.value for flow, _ in self.outputs.values()}
        for n in reversed(self.nodes):
            if n.name not in self.side or any(v.name in needed for v in n.results):
                kept.append(n)
                needed.update(n.inputs)
        return kept[::-1]
