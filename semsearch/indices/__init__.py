"""Nearest neighbours without looking at all vectors; the only place of FAISS."""
