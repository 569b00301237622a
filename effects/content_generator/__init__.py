"""Performers of the content product's effects, in the worker."""
