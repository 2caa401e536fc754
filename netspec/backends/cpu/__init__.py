"""The CPU backend: programs become tables of kernels, which a few threads walk together."""
