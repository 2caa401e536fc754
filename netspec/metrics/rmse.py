"""Root of the mean squared error."""

from __future__ import annotations

from math import nan
from typing import Any

from .parts.errors import Errors


class Rmse(Errors):
    """The root of the mean of (output - target)^2 over the examples (and places) of each channel; then the mean over the
    channels, as scikit-learn's root_mean_squared_error."""

    def error(self, differences: Any) -> Any:
        return differences * differences

    def value(self, state: Any) -> float:
        import numpy as np

        return float(np.sqrt(state[1] / state[0]).mean()) if state[0] else nan
