"""Receptive fields as pictures: what one unit sees of the input, and of every layer on the way to it."""
