"""One PostgreSQL transaction per batch: checkpoint, journal, read models, tasks, marks of objects, all or nothing.

In the embedded runtime this transaction is the commit of the log; on Kafka it follows the log. The statements are
the same.
"""

from __future__ import annotations

from collections.abc import Generator

import psycopg
from psycopg import AsyncConnection, Connection

from streams.core.batch import Batch
from streams.core.read_models import Row
from streams.postgres.database import Statement, passing
from streams.postgres.journal import Offsets, append, kept
from streams.postgres.object_rows import named_objects
from streams.postgres.projection_tables import Halt, Projected, Projections, checkpoints, halted

TransactionSteps = Generator[list[Statement], psycopg.Error | None, list[Halt]]


def statements(
    batch: Batch, projected: Projected, projections: Projections, offsets: Offsets | None = None
) -> list[Statement]:
    """The statements of the whole transaction.

    `offsets` are the next Kafka offsets by (context, partition); None in the embedded runtime.
    """
    tables = [table for table, _ in projected.parts]
    return [
        append(batch, projections.epoch, tables, offsets),
        *kept(batch),
        *named_objects(batch.recorded),
        *(statement for _, part in projected.parts for statement in part),
        *projected.erasures,
        *(halted(halt) for halt in projected.halts),
    ]


def careful_steps(
    batch: Batch, projected: Projected, projections: Projections, offsets: Offsets | None = None
) -> TransactionSteps:
    """The same transaction in steps, for a batch of which a table refused its rows; run each step in a savepoint.

    Send back the error that a step ended with, or None: the projection of a failed step is halted, the other steps
    stay. Returns all halts. Raises the error when it is not a projection's.
    """
    halts, tables = list(projected.halts), []
    appended = [append(batch, projections.epoch, (), offsets), *kept(batch), *named_objects(batch.recorded)]
    _raise((yield [*appended, *projected.erasures]))
    for table, part in projected.parts:
        error = yield part
        if error is None:
            tables.append(table)
        elif passing(error):
            raise error
        else:
            halts.append(Halt(table, _last_position(batch), without_values(error)))
    _raise((yield [*(halted(halt) for halt in halts), checkpoints(batch.heads, tables)]))
    return halts


def without_values(error: psycopg.Error) -> str:
    """The database's primary error message without row values: halts are readable by anyone, rows are personal."""
    return f"{type(error).__name__}: {error.diag.message_primary or error}"


async def write_carefully(
    connection: AsyncConnection[Row],
    batch: Batch,
    projected: Projected,
    projections: Projections,
    offsets: Offsets | None = None,
) -> list[Halt]:
    """Run `careful_steps` in one transaction; returns all halts."""
    steps = careful_steps(batch, projected, projections, offsets)
    async with connection.transaction():
        statements = next(steps)
        while True:
            error = None
            try:
                async with connection.transaction():
                    for sql, params in statements:
                        await connection.execute(sql, params)
            except psycopg.Error as raised:
                error = raised
            try:
                statements = steps.send(error)
            except StopIteration as done:
                return list(done.value)


def write_carefully_plain(
    connection: Connection[Row],
    batch: Batch,
    projected: Projected,
    projections: Projections,
    offsets: Offsets | None = None,
) -> list[Halt]:
    """`write_carefully` for programs without an event loop."""
    steps = careful_steps(batch, projected, projections, offsets)
    with connection.transaction():
        statements = next(steps)
        while True:
            error = None
            try:
                with connection.transaction():
                    for sql, params in statements:
                        connection.execute(sql.encode(), params)
            except psycopg.Error as raised:
                error = raised
            try:
                statements = steps.send(error)
            except StopIteration as done:
                return list(done.value)


def _raise(error: psycopg.Error | None) -> None:
    if error is not None:
        raise error


def _last_position(batch: Batch) -> str:
    return str(batch.recorded[-1].position)
