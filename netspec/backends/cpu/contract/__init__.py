"""Contractions: calls, the schedules that choose them, micro-kernels, the drivers around these, and rows of a table."""
