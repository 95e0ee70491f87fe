"""The tests; a folder for each part, and the real servers and clients in `parts`."""
