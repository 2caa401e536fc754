"""What a train section says and a file that stands alone does not do: named when the file is written, and in it.

A step is the file's own: losses with their weights, the optimiser with its limits, factors, penalties and what is frozen,
`accumulate`, `average`, `precision`, `seed`, preparations whose numbers are known. The loop around steps is not.
"""

from __future__ import annotations

from collections.abc import Collection

from ...ir.graph import Graph
from ..train.preparing import preparations
from ..train.recipe import Recipe, recipe_of


def left_out(graph: Graph, recipe: Recipe | None = None, measured: Collection[str] = ()) -> tuple[str, ...]:
    """The lines of the train section that are left out. `measured` are the nodes of preparations whose numbers are there."""
    t, recipe = graph.training, recipe_of(graph) if recipe is None else recipe
    if t is None and not recipe.terms:
        return ()
    lines: list[str] = []
    if t is not None and t.data is not None:
        lines.append(f"data {t.data.op}")
    if recipe.optimiser is not None and recipe.optimiser.host:
        lines.append(str(recipe.optimiser))
    lines += [f"schedule {s}" for s in recipe.schedules]
    lines += [f"metric {m.op}" for m in recipe.metrics or ()]
    if t is not None and t.batch:
        lines.append(f"batch {recipe.batch}")
    lines += [f"shards {recipe.shards}"] if recipe.shards > 1 else []
    lines += [f"epochs {recipe.epochs}"] if recipe.epochs is not None else []
    lines += ["drop_last"] if recipe.drop_last else []
    lines += [f"augment {a}" for a in recipe.augmentation]
    lines += [f"initialise {recipe.initialise}"] if recipe.initialise else []
    lines += [str(n.op) for n in preparations(graph) if n.name not in measured]
    lines += [f"early_stopping {recipe.early_stopping}"] if recipe.early_stopping is not None else []
    lines += [f"keep {' '.join(recipe.keep)}"] if recipe.keep else []
    every, minutes = recipe.checkpoint_every, recipe.checkpoint_minutes
    if every or minutes:
        lines.append("checkpoint" + (f" every={every}" if every else "") + (f" minutes={minutes:g}" if minutes else ""))
    lines += [f"log {' '.join(recipe.log)}"] if recipe.log else []
    return tuple(lines)
