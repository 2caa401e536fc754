"""The statements of a body, each a function from flow to flow; `table.py` says which is whose."""
