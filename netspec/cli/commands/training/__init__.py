"""training, and what was trained"""
