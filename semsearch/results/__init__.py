"""What is computed once and stored, how it is made, read, compared and recommended from."""
