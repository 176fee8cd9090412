"""The parts of the Guide."""
