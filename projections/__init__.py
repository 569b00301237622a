"""Read models: rows, their projection from events, and the queries on them."""
