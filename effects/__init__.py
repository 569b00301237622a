"""Performers of effects, run by the worker: each loads the data of its effect, renders it, and calls a connector."""
