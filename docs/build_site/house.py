"""The drawing of the house, docs/house.svg: the rooms of the package, and an arrow wherever one imports from another.

    python docs/build_site/house.py            writes it anew, after rooms or their imports have changed

It is read from the code, from every import statement that runs, so it says what is and not what was meant. An arrow that
follows from others (cli needs syntax, as compiler needs elaborate and elaborate needs syntax) is left out, or nothing could be
seen. Run with netspec's own Graphviz. `tests/documentation/test_docs.py` fails where the drawing is not the code's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import graphviz
import networkx as nx

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "netspec"
DRAWING = ROOT / "docs" / "house.svg"
MAKES = {  # room -> the value that comes out of it, in the order of the stream
    "source": "text",
    "syntax": "text → tree",
    "elaborate": "tree → graph of layers",
    "passes": "graph → program of formulas",
    "backends": "program → kernels",
    "runtime": "kernels → network",
    "views": "graph → reports, drawings",
}
WORDS = ("layers", "losses", "optimisers", "schedules", "metrics", "preparations", "augmentations", "datasets")  # folders of words: one box
VOCABULARY = "words"
STREAM, VALUE, LOOK, ENDS = "#dbeafe", "#2563eb", "#f8fafc", "#64748b"


def room(module: str) -> str:
    """netspec.passes.lower -> passes; the folders of words are one room."""
    name = module.split(".")[1]
    return VOCABULARY if name in WORDS else name


def imports(path: Path) -> Iterator[str]:
    """The modules of netspec that a file imports when it runs; those for the type checker alone are none of them."""
    inside = ("netspec", *path.relative_to(PACKAGE).parent.parts)
    for n in running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(n, ast.Import):
            yield from (a.name for a in n.names if a.name.startswith("netspec."))
        elif isinstance(n, ast.ImportFrom):
            above = inside[:len(inside) - n.level + 1] if n.level else ()
            module = ".".join((*above, *([n.module] if n.module else [])))
            if module == "netspec":
                yield from (f"netspec.{a.name}" for a in n.names)
            elif module.startswith("netspec."):
                yield module


def running(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a file, without those below `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.stmt):
            yield child
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from running(child)


def house() -> nx.DiGraph[str]:
    """Rooms, and who imports from whom. What lies in netspec/ itself is a room of one file."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    rooms = {room(f"netspec.{p.stem}") for p in (*PACKAGE.glob("*.py"), *(p.parent for p in PACKAGE.glob("*/__init__.py")))
             if not p.name.startswith("_")}
    graph.add_nodes_from(sorted(rooms))
    for path in sorted(PACKAGE.rglob("*.py")):
        own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if own.startswith("netspec._"):
            continue  # what the package shows to others may name anything
        graph.add_edges_from((room(own), room(m)) for m in imports(path) if room(m) in rooms and room(m) != room(own))
    return graph


def arrows(graph: nx.DiGraph[str]) -> list[tuple[str, str]]:
    """Those that do not follow from others."""
    return sorted(nx.transitive_reduction(graph).edges)


def dot(graph: nx.DiGraph[str]) -> str:
    """The drawing as Graphviz text: users above what they use."""
    font = "Helvetica,Arial,sans-serif"
    page = graphviz.Digraph("house", graph_attr={"rankdir": "TB", "nodesep": "0.25", "ranksep": "0.35", "fontname": font},
                            node_attr={"shape": "box", "style": "rounded,filled", "fontname": font, "fontsize": "11",
                                       "margin": "0.16,0.06", "height": "0.3", "color": ENDS, "fillcolor": LOOK},
                            edge_attr={"arrowsize": "0.6", "color": "#475569"})
    for name in sorted(graph.nodes):
        about = MAKES.get(name) or ("layers, losses, optimisers ..." if name == VOCABULARY else "")
        page.node(name, label="\\n".join([name, about] if about else [name]),
                  **({"fillcolor": STREAM, "color": VALUE} if name in MAKES else {}))
    for a, b in arrows(graph):
        page.edge(a, b)
    return str(page.source)


if __name__ == "__main__":
    from netspec.views.drawing.rendering import laid_out

    DRAWING.write_text(laid_out(dot(house())), encoding="utf-8")
    print(f"{DRAWING.relative_to(ROOT)}: {len(house())} rooms, {len(arrows(house()))} arrows")
