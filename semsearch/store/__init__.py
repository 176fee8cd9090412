"""The stored results on disk: how they are written, sealed, and read again while others replace them."""
