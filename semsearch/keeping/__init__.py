"""Datasets of one's own kept safe: checked whole, taken along in one file, brought back, exported with features."""
