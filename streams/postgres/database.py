"""Statements as data, and the functions that run them: async for servers, plain for programs without an event loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import make_conninfo

from streams.core.read_models import Row

SESSION = "-c timezone=UTC -c search_path=read_models,headwater,public"
"""Types and operators of extensions are in the schema `public`."""


KEPT_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""libpq's settings of a TCP connection: an idle one stays open, and one whose other end is gone ends."""


class Statement(NamedTuple):
    """SQL with `%s` placeholders and their values."""

    sql: str
    params: Sequence[Any] = ()


async def connect(dsn: str, application: str = "headwater") -> AsyncConnection[Row]:
    """An autocommit connection in the UTC time zone; raises psycopg.OperationalError when the server is unreachable."""
    kept = make_conninfo(dsn, **KEPT_ALIVE)
    return await AsyncConnection.connect(
        kept, autocommit=True, options=SESSION, application_name=application, connect_timeout=5
    )


def connect_plain(dsn: str, application: str = "headwater") -> Connection[Row]:
    """`connect` for programs without an event loop."""
    kept = make_conninfo(dsn, **KEPT_ALIVE)
    return Connection.connect(kept, autocommit=True, options=SESSION, application_name=application, connect_timeout=5)


async def read(connection: AsyncConnection[Row], statements: Sequence[Statement]) -> list[list[Row]]:
    """The rows of each statement, in one round trip."""
    async with connection.pipeline():
        cursors = [await connection.execute(sql, params) for sql, params in statements]
        return [await cursor.fetchall() for cursor in cursors]


def read_plain(connection: Connection[Row], statements: Sequence[Statement]) -> list[list[Row]]:
    """`read` for programs without an event loop."""
    with connection.pipeline():
        cursors = [connection.execute(sql, params) for sql, params in statements]
        return [cursor.fetchall() for cursor in cursors]


PASSING = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that describe the server's condition, not a fault of the statement."""


def passing(error: psycopg.Error) -> bool:
    """Whether the error is transient (connection lost, server down or full): the same statements may succeed later.

    Do not test for psycopg's OperationalError alone: it includes permanent errors, such as a row too large for an
    index.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in PASSING


def has_table(connection: Connection[Row], name: str) -> bool:
    """Whether the table exists; `name` includes the schema."""
    return connection.execute("select to_regclass(%s)", (name,)).fetchone() != (None,)


BEGIN, COMMIT, ROLLBACK = Statement("begin"), Statement("commit"), Statement("rollback")


async def write(connection: AsyncConnection[Row], statements: Sequence[Statement]) -> None:
    """Run the statements as one transaction in one round trip. A server error rolls it back and is raised."""
    try:
        async with connection.pipeline():
            for sql, params in (BEGIN, *statements, COMMIT):
                await connection.execute(sql, params)
    except psycopg.Error:
        if not connection.closed:
            await connection.execute(ROLLBACK.sql)
        raise


def write_plain(connection: Connection[Row], statements: Sequence[Statement]) -> None:
    """`write` for programs without an event loop."""
    try:
        with connection.pipeline():
            for sql, params in (BEGIN, *statements, COMMIT):
                connection.execute(sql, params)
    except psycopg.Error:
        if not connection.closed:
            connection.execute(ROLLBACK.sql)
        raise
