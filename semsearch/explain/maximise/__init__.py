"""Activation maximisation: pictures that excite channels, units, layers and directions."""
