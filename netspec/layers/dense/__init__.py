"""Every output of every input."""
