"""The engine in PostgreSQL: server, schema, journal, projection tables, tasks; what both runtimes share."""
