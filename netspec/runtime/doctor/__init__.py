"""What is off about a network on its own data, in words: the sanity checks that one does before a long training."""
