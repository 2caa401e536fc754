"""What training would refuse before its first step, found without training: weights that do not fit what they are for, data that
are not there, arrays of other shapes than the net's, augmentations that cannot be carried out. `check` says it at the lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...data.sources import outline
from ...diagnostics import Diagnostic, NetspecError
from ...ir.graph import Graph
from ...passes.objective import target_types
from ..feeding.augmenting import check as check_augmentation
from ..io import arrays
from ..io.asked import as_many_classes, request
from ..io.weights import calls, placed
from ..train.recipe import recipe_of

MOST_LABELS = 1 << 24  # values of targets are looked at, so that many stand for them at most


def refusals(graph: Graph) -> list[Diagnostic]:
    """In the order of the lines; what training would say first where a line has several."""
    found: list[Diagnostic] = []

    def tried(call: Callable[[], Any], span: Any) -> None:
        try:
            call()
        except NetspecError as e:
            found.extend(e.at(span).diagnostics)

    files: dict[Any, Any] = {}
    for (file, within), parameters in calls(graph).items():
        if Path(file.path).is_file():
            tried(lambda: placed(graph, file, within, parameters, files), file.span)  # noqa: B023
    training = graph.training
    if training is None:
        return found
    recipe = recipe_of(graph)
    if training.data is not None:
        line = training.data
        tried(lambda: _fits(graph, outline(line, request(graph, recipe.terms)), recipe.terms), line.span)
    for a, span in zip(training.augmentation, training.augmentation_spans):
        tried(lambda a=a: check_augmentation(graph, (a,), recipe.terms), span)  # type: ignore[misc]
    return found


def _fits(graph: Graph, data: Any, terms: Any) -> None:
    """Whether the arrays of files, their numbers unread, are those that the net and its losses take."""
    if data is None:
        return
    as_many_classes(graph, terms, data)
    for x, y in filter(None, (data.train, data.validation, data.test)):
        n = arrays.count(arrays.inputs(graph, x))
        given = y.values() if isinstance(y, dict) else [y]
        if terms and all(a is None or a.size <= MOST_LABELS for a in given):
            arrays.targets(graph, terms, y if target_types(graph, terms) else None, n)
