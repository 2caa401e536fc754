"""Which function runs which kind of statement."""

from __future__ import annotations

from ...syntax import tree
from ..model.elaborator import Rules
from ..steps.step import step
from . import bodies, conditions, constants, flow, inputs, labelled, loops, merge, outputs, undecided

RULES = Rules(statements={
    tree.Call: flow.call,
    tree.Reference: flow.reference_line,
    tree.Steps: flow.steps,
    tree.Suite: bodies.suite,
    tree.Labelled: labelled.labelled,
    tree.Merge: merge.merge,
    tree.Residual: bodies.residual_line,
    tree.Dense: bodies.dense_line,
    tree.Each: bodies.each,
    tree.Frozen: bodies.frozen,
    tree.Repeat: loops.repeat,
    tree.For: loops.loop,
    tree.If: conditions.if_line,
    tree.InputLine: inputs.input_line,
    tree.Output: outputs.output,
    tree.Constant: constants.by_itself,
    tree.Default: constants.by_itself,
    tree.Hole: undecided.hole,
}, step=step)
