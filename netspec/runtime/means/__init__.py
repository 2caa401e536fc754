"""Means of what is said of several views of an example, and by several networks."""
