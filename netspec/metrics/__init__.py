"""Every metric, one file each, called as its word is."""

from ..words.metric import METRICS, Metric

__all__ = ["METRICS", "Metric"]
