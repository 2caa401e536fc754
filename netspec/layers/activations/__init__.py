"""Smooth and bounded functions of each number, and softmax."""
