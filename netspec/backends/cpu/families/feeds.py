"""The maps at the head of a program, preparations above all, that come with an input of the network.

    %x = input();  %d = (x - mean[c]) * k[c];  %y += d * w        becomes        %d = feed of 1(%x, %mean, %k)

Arrays come row-major, and the program reads blocks of channels within a halo: a pass over their numbers. A map that alone
reads an input is done in that pass, from where the caller has the array, so that what comes after meets an input like any other.
"""

from __future__ import annotations

from ....ir.formula import Access, Formula
from ....ir.graph import Graph, Input, Node
from ....passes.contractions import contraction


def feeds(program: Graph) -> dict[str, tuple[Node, ...]]:
    """By input, the maps between it and whatever else reads it. Each alone reads what is before it."""
    found: dict[str, tuple[Node, ...]] = {}
    ends = set(program.roots)
    for n in program.nodes:
        if not isinstance(n.op, Input) or n.op.role != "input" or not n.type.batch or n.type.element != "float":
            continue
        maps = [n]
        while maps[-1].name not in ends and len(readers := program.readers[maps[-1].name]) == 1 \
                and _maps(readers[0], maps[-1].name, program):
            maps.append(readers[0])
        if len(maps) > 1:
            found[n.name] = tuple(maps[1:])
    return found


def _maps(n: Node, value: str, program: Graph) -> bool:
    """Whether a formula makes each number of its result of the number of `value` at the same place, and of numbers that are
    the same for every example: one for all, one for each channel, or one for each place."""
    f = n.op
    if not isinstance(f, Formula) or f.how != "=" or f.is_random or f.numbers or f.target.compound or len(f.targets) > 1:
        return False
    if n.effect is not None or n.type != program.values[value].type:
        return False
    bound = dict(zip(f.operands, n.inputs))
    return all(_fits(r, bound[r.name], n, value, program) for r in f.reads)


def _fits(r: Access, operand: str, n: Node, value: str, program: Graph) -> bool:
    place, t = n.formula.target.bare, program.values[operand].type
    if t.batch:
        return operand == value and r.bare == place
    if any(contraction(m, program) is not None for m in program.readers[operand]):
        return False  # it is stored as the contraction walks it
    if t.shape == (1,):
        return not any(a.terms for a in r.axes) or r.bare == place[1:2]
    return t.shape in (n.type.shape[:1], n.type.shape) and r.bare == place[1 : 1 + len(t.shape)]
