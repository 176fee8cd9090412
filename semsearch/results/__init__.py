"""What is computed once and kept: the store, how it is made, read, compared and recommended from."""
