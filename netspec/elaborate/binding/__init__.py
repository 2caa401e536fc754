"""What is written, as values: expressions, arguments, and a word's arguments bound to its fields."""
