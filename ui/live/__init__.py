"""The parts of the Live search page."""
