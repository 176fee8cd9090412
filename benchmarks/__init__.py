"""Each file prints the table of docs/benchmarks.md that it backs."""
