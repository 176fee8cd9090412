"""Maps to look at and to take home: as a figure, with what moved between two of them, and as one file."""
