"""Windows that keep one number, and what undoes them."""
