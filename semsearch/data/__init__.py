"""Sets of pictures: built in, fetched, or a folder of one's own."""
