"""The diagram of a net of a text, as SVG."""

from __future__ import annotations

from ..elaborate.tree_to_graph import elaborate, read_module
from ..source import Source
from ..views.drawing import files


def drawn(source: Source, net: str) -> str:
    """What `netspec draw` writes into a file. Raises NetspecError where the text is wrong."""
    graph = elaborate(read_module(source), net, weights=False)
    asked = files.wanted("diagram", "down", None, [], None, None, "light")
    return str(files.made(graph, "diagram", asked).svg)
