"""Which kernel family a formula belongs to, and what each family asks of it: nests of loops, pairs, places."""
