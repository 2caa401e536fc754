"""Dice's coefficient."""

from __future__ import annotations

from typing import Any

from .parts.counts import Averaged


class Dice(Averaged):
    """Twice the places (or examples) that are of a class and answered so, by all that are of it and all that are answered so;
    for maps of classes and for masks. It is F1 by another name: 2 IoU / (1 + IoU) of each class.

    `macro` is the mean over the classes that occur; `weighted` counts each as often as it is right; `micro` takes all places
    together; `by_class` is an array by class. Places are counted over the whole set, not image by image.
    Paper: Dice, "Measures of the Amount of Ecologic Association Between Species", 1945
    """

    def quotient(self, hits: Any, answers: Any, labels: Any) -> Any:
        return 2 * hits, answers + labels
