"""The page of a search: its trials beside each other, and what each value did to them."""
