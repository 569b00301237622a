"""The import graph between rooms: which part of the tree may import which. Contexts are read from the folders."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "api",
    "bootstrap",
    "cli",
    "commandline",
    "commands",
    "connectors",
    "content",
    "documents",
    "domain",
    "effects",
    "installation_secrets",
    "products",
    "projections",
    "settings",
    "streams",
)
CONTEXTS = sorted(path.name for path in (ROOT / "commands").iterdir() if (path / "__init__.py").exists())

PURE_VALUES = ("domain.messages", "domain.rfc3339")
PURE = ("domain", "streams.core")
PERFORMERS = ("connectors", "content", "documents", "commands", "projections", "streams.postgres", "streams.engine")
GENERAL = ("api", "commands", "connectors", "effects", "projections")
ARROWS: dict[str, tuple[str, ...]] = {
    "domain": ("domain",),
    "content": ("content", "domain"),
    "documents": ("documents",),
    "commands": ("commands", *PURE),
    "projections": ("projections", *PURE),
    "connectors": ("connectors", "documents.html", "domain.messages", "domain.calls", "streams.core.calls"),
    "effects": ("effects", *PURE, *PERFORMERS),
    "api": ("api", *PURE, *PERFORMERS, "streams.telemetry"),
    "products": ("products", "settings", *PURE, *PERFORMERS, "api", "effects", "streams.telemetry"),
    "streams": ("streams", "domain.messages"),
    "settings": ("connectors.setting_values",),
    "installation_secrets": ("settings", "streams.core", "streams.secret_files", "api.auth"),
    "bootstrap": ("installation_secrets", "products", "settings", "streams", "domain", *GENERAL),
    "commandline": (
        "commandline",
        "bootstrap",
        "installation_secrets",
        "products",
        "settings",
        "streams",
        "domain.messages",
        "domain.rfc3339",
        *GENERAL,
    ),
    "cli": ("commandline",),
}
"""A room, and the modules of ours that it may import. A name stands for everything below it."""

CORE = ("streams.core", "domain.messages")
INSIDE_STREAMS: dict[str, tuple[str, ...]] = {
    "streams.core": CORE,
    "streams.telemetry": ("streams.telemetry", "streams.core.envelope"),
    "streams.postgres": ("streams.postgres", "streams.telemetry", *CORE),
    "streams.work": ("streams.work", "streams.postgres", "streams.telemetry", *CORE),
    "streams.embedded": (
        "streams.embedded",
        "streams.engine",
        "streams.work",
        "streams.postgres",
        "streams.telemetry",
        *CORE,
    ),
    "streams.kafka": (
        "streams.kafka",
        "streams.engine",
        "streams.work",
        "streams.postgres",
        "streams.telemetry",
        *CORE,
    ),
    "streams.audit": ("streams.audit", "streams.postgres", "streams.secret_files", *CORE),
}


class Import(NamedTuple):
    """One import: the module it stands in, and the module it names."""

    importer: str
    imported: str


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> frozenset[str]:
    """Every module of the source tree."""
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    return frozenset(module_of(path) for path in [*paths, *(ROOT / f"{room}.py" for room in ROOMS)] if path.exists())


def file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def named(node: ast.AST) -> Iterator[str]:
    """The modules that an import statement names: of `from a import b`, the module `a.b` where there is one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        below = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name if name in modules() else node.module for name in below)


@cache
def imports() -> frozenset[Import]:
    """Every import of one module of ours by another, also those inside functions and for type checking only."""
    return frozenset(
        Import(module, name)
        for module in modules()
        for node in ast.walk(ast.parse(file_of(module).read_text()))
        for name in named(node)
        if name in modules()
    )


def within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def forbidden(room: str, allowed: tuple[str, ...]) -> list[Import]:
    return sorted(one for one in imports() if within(one.importer, (room,)) and not within(one.imported, allowed))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_arrows_lead_to(room: str) -> None:
    assert forbidden(room, ARROWS[room]) == []


@pytest.mark.parametrize("room", INSIDE_STREAMS)
def test_a_room_of_the_engine_imports_only_what_its_arrows_lead_to(room: str) -> None:
    assert forbidden(room, INSIDE_STREAMS[room]) == []


def test_bootstrap_and_the_command_line_name_no_product() -> None:
    general = ("bootstrap", "installation_secrets", "commandline", "cli")
    products = tuple(f"{room}.{context}" for room in ROOMS for context in CONTEXTS)
    assert [one for one in imports() if within(one.importer, general) and within(one.imported, products)] == []


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_context_knows_no_other_context(context: str) -> None:
    own = tuple(f"{room}.{context}" for room in ROOMS)
    others = tuple(f"{room}.{other}" for room in ROOMS for other in CONTEXTS if other != context)
    assert [one for one in imports() if within(one.importer, own) and within(one.imported, others)] == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module: {one.imported for one in imports() if one.importer == module} for module in modules()}
    assert circles(graph) == []


def circles(graph: dict[str, set[str]]) -> list[str]:
    """The modules that reach themselves, after all that cannot have been taken away."""
    left = {module: set(reached) - {module} for module, reached in graph.items()}
    while ends := [module for module, reached in left.items() if not reached & left.keys()]:
        for module in ends:
            del left[module]
    starts = {module for module in left if any(module in reached for reached in left.values())}
    return sorted(starts)
