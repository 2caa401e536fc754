"""The interactive page of a network: one file of HTML that needs nothing but a browser."""
