"""Functions that leave large numbers as they are, and do something else to small ones."""
