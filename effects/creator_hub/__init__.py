"""Performers of the effects of the creators' product."""
