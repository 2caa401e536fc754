"""Source of kernels that are no contractions: a file for each kind of step."""
