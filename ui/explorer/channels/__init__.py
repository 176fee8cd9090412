"""What the channels of a layer look for."""
