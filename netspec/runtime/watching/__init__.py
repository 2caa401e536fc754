"""What a training shows of itself: statistics of its layers by epoch, what it answers, and the page that says so."""
