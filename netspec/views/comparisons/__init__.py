"""Several networks beside each other: a table, and the chart of what they cost."""
