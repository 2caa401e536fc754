"""Several values made one."""
