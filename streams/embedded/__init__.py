"""Runtime 1: the whole engine in one process, its log being the journal table in PostgreSQL."""
