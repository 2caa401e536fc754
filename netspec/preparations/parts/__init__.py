"""What several preparations share."""
