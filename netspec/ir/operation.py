"""What a graph needs of an operation."""

from __future__ import annotations


class Operation:
    """What a node does: a layer, an input, a parameter, a formula, pieces of formulas, or a step that runs several as one
    kernel. Its text is what the node prints. Whoever needs more of one asks which it is (`isinstance`)."""

    __slots__ = ()
