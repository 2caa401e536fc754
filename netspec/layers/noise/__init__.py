"""Chance in training."""
