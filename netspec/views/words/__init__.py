"""The pages of `explain`, and the vocabulary."""
