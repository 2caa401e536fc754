"""Habits of other languages, and the line as it was meant: what people write who come from Python, YAML or Darknet.

Each rule gives the whole line put right, as a hint that can be pasted; the parser reads that line instead, so that
nothing that depends on it is missed.
"""

from __future__ import annotations

from .brackets import closed
from .heads import after_input, alternative, bar, comparison, condition, constant_behind, default, definition, loop, output, shape
from .lines import bullet, comment, constant, darknet, foreign_head, imported, repeated
from .steps import arrow, assigned, call, colon, commas, numbers, quotes, references, sum_of_nodes

HABITS = (imported, comment, closed, bullet, darknet, repeated, constant, foreign_head, definition, after_input, shape, output,
          loop, constant_behind, condition, alternative, references,
          quotes, numbers, arrow, call, commas, assigned, colon, default, bar, comparison, sum_of_nodes)
