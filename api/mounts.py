"""Names of surfaces. In paths, hosts and on the command line `-` and `_` are one.

A surface's name is that of the code (`content_generator`), its mount that of its addresses (`content-generator`). Every
process imports this module, so it imports nothing of the web.
"""

from __future__ import annotations


def canonical(surface: str) -> str:
    """A surface's name as the code has it."""
    return surface.replace("-", "_")


def mount_of(surface: str) -> str:
    """The first segment of a surface's paths, and the first label of its host."""
    return surface.replace("_", "-")
