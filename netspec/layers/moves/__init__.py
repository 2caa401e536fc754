"""Numbers put elsewhere."""
