"""Datasets of one's own that change: pictures come and go, classes are mended, and every step can be undone."""
