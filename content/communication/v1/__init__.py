"""The first words of every message."""
