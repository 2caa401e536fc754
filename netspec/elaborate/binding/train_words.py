"""Options of an optimiser that newcomers give lines of their own."""

from __future__ import annotations

OF_OPTIMISER = ("lr", "momentum", "decay", "nesterov")  # said in its line, and by newcomers in one of their own
