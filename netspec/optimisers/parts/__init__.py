"""What update rules are made of, apart from the rules themselves."""
