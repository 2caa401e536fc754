"""What is counted of a graph: parameters, multiply-accumulates, bytes, receptive fields."""
