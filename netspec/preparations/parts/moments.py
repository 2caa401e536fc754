"""Means and variances over examples that come a few at a time, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Moments:
    """The mean and the summed squares around it of every channel, or of every column of a matrix.

    Batches are joined by Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983: nothing is squared that
    is not a distance from a mean.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Any = 0.0
        self.squares: Any = 0.0

    def add(self, rows: Array) -> None:
        """Numbers, one column each for what has a mean of its own."""
        n, mean = len(rows), rows.mean(0)
        around = ((rows - mean) ** 2).sum(0)
        apart, both = mean - self.mean, self.count + n
        self.squares = self.squares + around + apart**2 * (self.count * n / both)
        self.mean = self.mean + apart * (n / both)
        self.count = both

    @property
    def variance(self) -> Any:
        """The mean square of the distance from the mean."""
        return self.squares / self.count


def by_channel(examples: Array) -> Array:
    """Examples x channels x places as one row for each place of each example."""
    flat = examples.reshape(*examples.shape[:2], -1)
    rows: Array = flat.swapaxes(1, 2).reshape(-1, examples.shape[1])
    return rows
