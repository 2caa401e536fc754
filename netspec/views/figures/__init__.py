"""Figures for papers: a network as volumes in perspective, and as a table of its stages."""
