"""semsearch: image search with convolutional networks, to explore, to understand and to use."""
