"""The confined process and the pool that keeps it: limits of memory and time, and the frames between the two."""
