"""What several metrics count by."""
