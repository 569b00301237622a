"""Thin clients of other people's systems: each performs one kind of effect and reports a verdict. No database."""
