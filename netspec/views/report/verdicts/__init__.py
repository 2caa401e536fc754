"""What is said of a run at the top of its page: rules, each a function of the signs of a run, in one table."""
