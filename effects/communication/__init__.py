"""Performers of the message product's effects."""
