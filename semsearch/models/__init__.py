"""The networks: their facts, graphs, weights, and the packages that carry these."""
