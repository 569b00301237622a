"""Digest of the source code behind a fold, which distinguishes snapshots of other code from those of this code."""

from __future__ import annotations

import ast
import sys
from functools import cache
from hashlib import sha256
from linecache import getlines


@cache
def sources_digest(module: str) -> bytes:
    """Digest over this module and its direct and indirect imports, within its top-level package and `domain`.

    Raises OSError where the module's source is missing.
    """
    if not _source(module):
        raise OSError(f"the source of {module} is missing; snapshots are told apart by it")
    room, found, waiting = _room(module), dict[str, str](), [module]
    while waiting:
        name = waiting.pop()
        if name not in found and _room(name) in (room, "domain") and name in sys.modules:
            found[name] = _source(name)
            waiting += _imports(name)
    return sha256("\0".join(f"{name}\0{source}" for name, source in sorted(found.items())).encode()).digest()


def _source(module: str) -> str:
    return "".join(getlines(sys.modules[module].__file__ or ""))


def _room(module: str) -> str:
    return module.partition(".")[0]


@cache
def _imports(module: str) -> list[str]:
    """Names of what the module imports. Folds share most of their modules, and parsing is what takes the time."""
    names = list[str]()
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names += (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    return names
