"""Passes from graph to graph that only this backend needs: fusion, layouts, places in memory."""
