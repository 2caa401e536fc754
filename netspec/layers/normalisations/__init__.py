"""Means taken out, variances made one, and learned scales."""
