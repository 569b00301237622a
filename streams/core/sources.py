"""Digest of the source code behind a fold, which distinguishes snapshots of other code from those of this code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
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
    found, waiting = dict[str, str](), [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _source(name)
            waiting += _imports(name, found[name])
    return sha256("\0".join(f"{name}\0{source}" for name, source in sorted(found.items())).encode()).digest()


def _source(module: str) -> str:
    return "".join(getlines(sys.modules[module].__file__ or ""))


def _imports(module: str, source: str) -> Iterator[str]:
    room = module.partition(".")[0]
    for node in ast.walk(ast.parse(source)):
        names = list[str]()
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name.partition(".")[0] in (room, "domain") and name in sys.modules)
