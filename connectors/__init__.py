"""Thin clients of outside systems. Each performs one kind of effect and returns a verdict. No database."""
