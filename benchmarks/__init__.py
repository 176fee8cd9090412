"""Each file prints the table of the README that it backs."""
