"""Tables of a network, line by line."""
