"""Audit of the log: verification, history and causes, export with proof."""
