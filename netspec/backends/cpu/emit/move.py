"""Source of a `move` step that is a copy: vector by vector of the result, each number from where the table says."""

from __future__ import annotations

from ....ir.graph import Graph, Node
from ....ir.moves import move_of
from ..families.step import step_of
from ..row import M_CHUNK, M_PIECES, M_RESULT, M_RESULT_IMAGE, M_SOURCE, M_SOURCE_IMAGE, M_TABLE, M_TURNS, M_VECTORS
from .lanes import kernel_text
from .move_table import Move
from .text import row_word, told


def emit_move(node: Node, graph: Graph, dtype: str, lanes: int) -> tuple[Move, str]:
    """The call and the text of its kernel, which is the same for every move."""
    (n,) = step_of(node).nodes
    (x,) = n.inputs
    move = move_of(n.op, (graph.values[x].type,), n.type)
    assert move is not None
    vector = lanes * (8 if dtype == "float64" else 4)
    source = f"{row_word(M_SOURCE)} + n * {row_word(M_SOURCE_IMAGE)}"
    result = f"{row_word(M_RESULT)} + n * {row_word(M_RESULT_IMAGE)}"
    body = [told(turns=M_TURNS, pieces=M_PIECES, chunk=M_CHUNK, vectors=M_VECTORS),
            "first, piece = item // pieces * chunk, item % pieces",
            "for n in range(first, min(turns, first + chunk)):",
            f"    source, table, to = {source}, {row_word(M_TABLE)}, {result}",
            "    for k in range(piece * vectors // pieces, (piece + 1) * vectors // pieces):",
            f"        store(to + {vector} * k, pick(source, numbers(table + {4 * lanes} * k)))", "return 0"]
    name, text = kernel_text("move", body, dtype, lanes)
    return Move(n.name, name, x, move.extents, move.to, move.at, move.source, move.start, move.images,
                n.type.batch // move.images[0]), text
