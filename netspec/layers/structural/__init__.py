"""What structures of the language make, and nobody can write."""
