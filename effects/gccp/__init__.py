"""Performers of the course product's effects."""
