"""Queries over several tables, one question a file."""
