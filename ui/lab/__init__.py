"""The parts of the Index lab."""
