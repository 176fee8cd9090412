"""Distances and their facts, scores, maps: what needs numbers alone."""
