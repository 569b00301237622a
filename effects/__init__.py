"""Performers of effects, run by the worker: each loads what its effect names, renders it, and calls a connector."""
