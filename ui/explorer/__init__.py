"""The parts of the Model explorer."""
