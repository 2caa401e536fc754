"""Diagrams: a graph as boxes and arrows on a page."""
