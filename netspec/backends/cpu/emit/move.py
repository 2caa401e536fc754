"""Source of a `move` step that is a copy: vector by vector of the result, each number from where the table says."""

from __future__ import annotations

from ....ir.graph import Graph, Node
from ....ir.moves import move_of
from ..families.step import step_of
from .lanes import kernel_text
from .move_table import Move


def emit_move(node: Node, graph: Graph, dtype: str, lanes: int) -> tuple[Move, str]:
    """The call and the text of its kernel, which is the same for every move."""
    (n,) = step_of(node).nodes
    (x,) = n.inputs
    move = move_of(n.op, (graph.values[x].type,), n.type)
    assert move is not None
    vector = lanes * (8 if dtype == "float64" else 4)
    body = ["turns, pieces, chunk, vectors = at(row, 9), at(row, 10), at(row, 11), at(row, 16)",
            "first, piece = item // pieces * chunk, item % pieces",
            "for n in range(first, min(turns, first + chunk)):",
            "    source, table, to = at(row, 8) + n * at(row, 12), at(row, 13), at(row, 14) + n * at(row, 15)",
            "    for k in range(piece * vectors // pieces, (piece + 1) * vectors // pieces):",
            f"        store(to + {vector} * k, pick(source, numbers(table + {4 * lanes} * k)))", "return 0"]
    name, text = kernel_text("move", body, dtype, lanes)
    return Move(n.name, name, x, move.extents, move.to, move.at, move.source, move.start, move.images,
                n.type.batch // move.images[0]), text
