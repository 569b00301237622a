"""Read models: what a row is, how events change it, and the queries on it."""
