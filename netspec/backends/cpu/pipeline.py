"""What the CPU does to a program, pass after pass: what every backend shares, then what only this one needs."""

from __future__ import annotations

from ... import passes as shared
from ...passes import Pipeline
from ...passes.split_sums import split_sums
from .passes.assign_layouts import assign_layouts
from .passes.choose_forms import choose_forms
from .passes.fold_batchnorm import fold_batchnorm
from .passes.fuse import fuse
from .passes.line_up import line_up
from .passes.plan_memory import plan_memory
from .passes.prepare import prepare

STEPS: Pipeline = (split_sums, line_up, fuse, choose_forms, assign_layouts, plan_memory)
PREDICT: Pipeline = (fold_batchnorm, *shared.SIMPLIFY, prepare, *STEPS)
GRADIENTS: Pipeline = (*shared.SIMPLIFY, *STEPS)


def entries() -> dict[str, Pipeline]:
    """The whole way of each entry, from the checked network on."""
    return {"predict": (*shared.INFERENCE, *PREDICT), "gradients": (*shared.TRAINING, *GRADIENTS)}
