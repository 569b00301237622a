"""The embedded runtime: the engine in one process, with the journal table in PostgreSQL as its log."""
