"""How data are read that lie in files."""
