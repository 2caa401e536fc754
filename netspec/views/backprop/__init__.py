"""Backpropagation as pictures: every scalar of a small network as a circuit, and the norms of the tensors of a large one."""
