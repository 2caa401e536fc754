"""Mean absolute error."""

from __future__ import annotations

from typing import Any

from .parts.errors import Errors


class Mae(Errors):
    """Mean of |output - target| over the examples (and places) of each channel, then over the channels."""

    def error(self, differences: Any) -> Any:
        return abs(differences)
