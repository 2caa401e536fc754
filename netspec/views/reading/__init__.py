"""What a reader sees of a graph: steps, groups, repeats, and arcs of three kinds."""
