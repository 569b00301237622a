"""One PostgreSQL transaction per batch: checkpoint, journal, read models, tasks, all or nothing.

Embedded, this transaction is the commit; on Kafka it follows the log. The statements are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import AsyncConnection

from streams.batch import Batch
from streams.database import Row, Statement
from streams.ledger import advance, appended
from streams.projections import Halt, Projected, Projections, checkpoints, halted

Offsets = Mapping[tuple[str, int], int]


def statements(
    batch: Batch, projected: Projected, projections: Projections, offsets: Offsets | None = None
) -> list[Statement]:
    """The whole transaction. `offsets` are the next Kafka offsets by (context, partition), where there are any."""
    tables = [table for table, _ in projected.parts]
    return [
        advance(batch.heads, projections.epoch, offsets),
        *appended(batch),
        *(statement for _, part in projected.parts for statement in part),
        *(halted(halt) for halt in projected.halts),
        checkpoints(batch.heads, tables),
    ]


async def write_carefully(
    connection: AsyncConnection[Row],
    batch: Batch,
    projected: Projected,
    projections: Projections,
    offsets: Offsets | None = None,
) -> list[Halt]:
    """The same transaction step by step, for when a table refused its rows: that projection is halted, the rest stays.

    Raises psycopg.Error when it is not a projection that fails.
    """
    halts, tables = list(projected.halts), []
    async with connection.transaction():
        await _run(connection, [advance(batch.heads, projections.epoch, offsets), *appended(batch)])
        for table, part in projected.parts:
            try:
                async with connection.transaction():
                    await _run(connection, part)
                tables.append(table)
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                halts.append(Halt(table, _last_position(batch), f"{type(error).__name__}: {error}"))
        await _run(connection, [*(halted(halt) for halt in halts), checkpoints(batch.heads, tables)])
    return halts


async def _run(connection: AsyncConnection[Row], sequence: Sequence[Statement]) -> None:
    for sql, params in sequence:
        await connection.execute(sql, params)


def _last_position(batch: Batch) -> str:
    return str(batch.recorded[-1].position)
