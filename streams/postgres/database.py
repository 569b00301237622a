"""PostgreSQL: statements as data, and the two drivers (async for a server, plain for everything else) that run them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import AsyncConnection, Connection

from streams.core.read_models import Row

SESSION = "-c timezone=UTC -c search_path=read_models,headwater"


class Statement(NamedTuple):
    """SQL with `%s` placeholders, and their values."""

    sql: str
    params: Sequence[Any] = ()


async def connect(dsn: str, application: str = "headwater") -> AsyncConnection[Row]:
    """An autocommit connection speaking UTC; raises psycopg.OperationalError when the server is not there."""
    return await AsyncConnection.connect(
        dsn, autocommit=True, options=SESSION, application_name=application, connect_timeout=5
    )


def connect_plain(dsn: str, application: str = "headwater") -> Connection[Row]:
    """Like `connect`, for programs without an event loop."""
    return Connection.connect(dsn, autocommit=True, options=SESSION, application_name=application, connect_timeout=5)


async def read(connection: AsyncConnection[Row], statements: Sequence[Statement]) -> list[list[Row]]:
    """All the results, in one round trip."""
    async with connection.pipeline():
        cursors = [await connection.execute(sql, params) for sql, params in statements]
        return [await cursor.fetchall() for cursor in cursors]


def read_plain(connection: Connection[Row], statements: Sequence[Statement]) -> list[list[Row]]:
    """All the results, in one round trip."""
    with connection.pipeline():
        cursors = [connection.execute(sql, params) for sql, params in statements]
        return [cursor.fetchall() for cursor in cursors]


PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that speak of the server's condition, not of what was asked of it."""


def passing(error: psycopg.Error) -> bool:
    """Whether the same statements may well succeed later: the connection is lost, the server is going down or full.

    psycopg's OperationalError covers more than that: a row too large for an index fails for ever.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in PASSING


def has_table(connection: Connection[Row], name: str) -> bool:
    """Whether there is a table of this name, schema included."""
    return connection.execute("select to_regclass(%s)", (name,)).fetchone() != (None,)


BEGIN, COMMIT, ROLLBACK = Statement("begin"), Statement("commit"), Statement("rollback")


async def write(connection: AsyncConnection[Row], statements: Sequence[Statement]) -> None:
    """One transaction in one round trip. On an error of the server's nothing is written and it is raised."""
    try:
        async with connection.pipeline():
            for sql, params in (BEGIN, *statements, COMMIT):
                await connection.execute(sql, params)
    except psycopg.Error:
        if not connection.closed:
            await connection.execute(ROLLBACK.sql)
        raise


def write_plain(connection: Connection[Row], statements: Sequence[Statement]) -> None:
    """One transaction in one round trip. On an error of the server's nothing is written and it is raised."""
    try:
        with connection.pipeline():
            for sql, params in (BEGIN, *statements, COMMIT):
                connection.execute(sql, params)
    except psycopg.Error:
        if not connection.closed:
            connection.execute(ROLLBACK.sql)
        raise
