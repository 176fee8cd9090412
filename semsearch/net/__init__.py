"""The two doors to the network: known files, and links of strangers."""
