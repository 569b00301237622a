"""The engine in PostgreSQL, shared by both runtimes: server, schema, journal, projection tables, tasks."""
