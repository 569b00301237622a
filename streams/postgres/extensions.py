"""Extensions of PostgreSQL that read models need: made at the start where the role may, else named in the refusal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from streams.core.read_models import Row
    from streams.core.wiring import Context

EMBEDDED = ("vector",)
"""Extensions that the embedded server has for read models: only its superuser can make them."""

FOUND = "select extname from pg_extension where extname = any(%s)"
ON_SERVER = "select name from pg_available_extensions where name = any(%s)"


class MissingExtension(Exception):
    """An extension that read models need, and that this role cannot make. `str()` says who can, and how."""


def extensions_of(contexts: Iterable[Context]) -> list[str]:
    return sorted({name for context in contexts for model in context.read_models for name in model.extensions})


def make_extensions(connection: psycopg.Connection[Row], names: Sequence[str]) -> None:
    """Make these extensions, in the schema `public`, where they are missing; raises MissingExtension."""
    found = {name for (name,) in connection.execute(FOUND, (list(names),)).fetchall()}
    for name in names:
        if name not in found:
            _make(connection, name)


def make_embedded_extensions(connection: psycopg.Connection[Row]) -> None:
    """Make the extensions that this server brings along, for its superuser; idempotent."""
    on_server = {name for (name,) in connection.execute(ON_SERVER, (list(EMBEDDED),)).fetchall()}
    make_extensions(connection, [name for name in EMBEDDED if name in on_server])


def _make(connection: psycopg.Connection[Row], name: str) -> None:
    try:
        with connection.transaction():
            connection.execute(f"create extension if not exists {name} schema public".encode())
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile, psycopg.NotSupportedError) as error:
        raise MissingExtension(_remedy(connection, name)) from error


def _remedy(connection: psycopg.Connection[Row], name: str) -> str:
    there = connection.execute(ON_SERVER, ([name],)).fetchall()
    install = "" if there else "install it on the server, then "
    return (
        f"this database lacks the extension {name}, and this role may not make it: {install}let a superuser run once, "
        f"in this database: create extension {name} schema public"
    )
