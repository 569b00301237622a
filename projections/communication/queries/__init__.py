"""Queries over several tables of this context."""
