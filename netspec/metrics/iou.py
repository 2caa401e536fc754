"""Intersection over union."""

from __future__ import annotations

from typing import Any

from .parts.counts import Averaged


class Iou(Averaged, name="iou"):
    """Of the places (or examples) that are of a class or answered so, the part that is both; for maps of classes and for masks.

    `macro` is the mean over the classes that occur, the mIoU of segmentation; `weighted` counts each as often as it is right;
    `micro` takes all places together; `by_class` is an array by class. Places are counted over the whole set, not image by image.
    Paper: Jaccard, "The Distribution of the Flora in the Alpine Zone", 1912
    """

    def quotient(self, hits: Any, answers: Any, labels: Any) -> Any:
        return hits, answers + labels - hits
