"""Contractions by Winograd's F(4x4, 3x3): the same parts as those of the direct ones."""
