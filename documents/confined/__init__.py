"""The confined process and its pool: limits of memory and time, and the frames between the two."""
