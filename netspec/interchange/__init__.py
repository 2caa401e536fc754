"""Graphs from elsewhere, and for elsewhere. A room for each format."""
