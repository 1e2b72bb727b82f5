"""Settings and the entry points of each process."""
