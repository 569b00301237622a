"""Rebuild of a projection's table from the journal, beside the live table, and the swap of the two.

States of a table: building (only the rebuild writes it) → shadow (the writer maintains it, queries do not see it) →
live (queries see it) → retired (no longer written) → dropped. A rebuild creates no tasks: reactions are not rebuilt.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import Connection

from streams.core.mapper import Mapper
from streams.core.read_models import ReadModel, Row
from streams.core.wiring import Context
from streams.postgres.catch_up import Overtaken, Progress, RebuildFailed, catch_up, partitions_of, step
from streams.postgres.database import has_table
from streams.postgres.installation import projection_of, unregistered
from streams.postgres.projection_tables import (
    COLUMN_TYPES,
    REGISTERED,
    Active,
    Projection,
    Registered,
    blanked_of_erased,
    columns_of,
    emptied,
)
from streams.postgres.tasks import TABLE, reactions

log = logging.getLogger(__name__)

LOCK_KEY = "hashtextextended('headwater projection ' || %s, 0)"
TRY_LOCK, LOCK, UNLOCK = (
    f"select pg_{verb}({LOCK_KEY})" for verb in ("try_advisory_lock", "advisory_lock", "advisory_unlock")
)

RETIRE = "update headwater.projections set state = 'retired' where name = %s and state = 'live'"
PERSONAL = """
    update headwater.projections p set subject = %(subject)s,
           personal = (select array_agg(distinct c order by c) from unnest(p.personal || %(personal)s::text[]) c)
     where name = %(name)s and not (subject is not distinct from %(subject)s and personal @> %(personal)s::text[])
 returning table_name
"""
"""Columns that have become personal, in every table of a read model: one that older code made has them too."""

LOCK_CONTEXT = "select partition, sequence from headwater.partitions where context = %s order by partition for update"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Row counts of the live and the rebuilt table at the same position, and of the rows that only one of them has."""

    live_rows: int
    rebuilt_rows: int
    only_live: int
    only_rebuilt: int

    @property
    def equal(self) -> bool:
        return self.only_live == 0 and self.only_rebuilt == 0


@contextmanager
def operating(connection: Connection[Row], name: str, wait: bool = False) -> Iterator[None]:
    """Keep every other operator off the projection while the block runs.

    Raises Overtaken if one is at work on it, or waits until that one is done.
    """
    if wait:
        connection.execute(LOCK.encode(), (name,))
    elif connection.execute(TRY_LOCK.encode(), (name,)).fetchone() != (True,):
        raise Overtaken(f"another process is at work on {name}; try again once it is done")
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(UNLOCK.encode(), (name,))


def registered(connection: Connection[Row]) -> list[Registered]:
    """Every registered table of every projection."""
    return [Registered.of(row) for row in connection.execute(REGISTERED).fetchall()]


def create(
    connection: Connection[Row], projection: Projection, model: ReadModel | None, state: str = "building"
) -> str:
    """Create and register an empty table for the projection; returns its registry id.

    Reactions (`model` is None) write to the existing task table.
    """
    with connection.transaction():
        table = TABLE if model is None else _create_table(connection, model)
        name = table if model is not None else f"{TABLE}:{projection.context}"
        connection.execute(
            "insert into headwater.projections (table_name, name, version, context, state, subject, personal)"
            " values (%s,%s,%s,%s,%s,%s,%s)",
            (
                name,
                projection.name,
                projection.version,
                projection.context,
                state,
                projection.subject,
                list(projection.personal),
            ),
        )
        connection.execute(
            "insert into headwater.projection_checkpoints select %s, partition, 0 from headwater.partitions"
            " where context = %s",
            (name, projection.context),
        )
        _next_epoch(connection)  # from now on the writers blank erased persons in this table, too
    return name


def _create_table(connection: Connection[Row], model: ReadModel) -> str:
    taken = connection.execute(
        "select count(*) from headwater.projections where name = %s and version = %s", (model.name, model.version)
    ).fetchone()
    base, number = f"read_models.{model.name}_v{model.version}", taken[0] if taken else 0
    while has_table(connection, table := base if number == 0 else f"{base}_{number}"):
        number += 1
    connection.execute(model.ddl.format(table=table).encode())
    return table


def join_writers(connection: Connection[Row], active: Active, mapper: Mapper, state: str) -> None:
    """Project the last records while the context's writers are locked out, then hand the table to the writers."""
    with connection.transaction():
        connection.execute(LOCK_CONTEXT, (active.projection.context,)).fetchall()
        while sum(step(connection, active, mapper, partition) for partition in partitions_of(connection, active)):
            pass
        connection.execute(
            "update headwater.projections set state = %s, halted_at = null, error = null where table_name = %s",
            (state, active.id),
        )
        _next_epoch(connection)


def swap(connection: Connection[Row], active: Active) -> None:
    """Make a shadow table live and retire the one before it, in one transaction."""
    name = active.projection.name
    with connection.transaction():
        connection.execute(LOCK_CONTEXT, (active.projection.context,)).fetchall()
        connection.execute(RETIRE, (name,))
        connection.execute("update headwater.projections set state = 'live' where table_name = %s", (active.id,))
        connection.execute(f"drop view if exists read_models.{name}")
        connection.execute(f"create view read_models.{name} as select * from {active.table}")
        _next_epoch(connection)


def drop(connection: Connection[Row], row: Registered) -> None:
    """Drop a table that is not live; raises ValueError for a live one."""
    if row.state == "live":
        raise ValueError(f"{row.table} is live; swap another table in first")
    with connection.transaction():
        connection.execute("delete from headwater.projections where table_name = %s", (row.table,))
        connection.execute(f"drop table if exists {row.table}")
        _next_epoch(connection)


def compare(connection: Connection[Row], name: str, rebuilt: Active) -> Comparison:
    """Compare the live table with its rebuilt shadow in one snapshot, in which both are at the same position."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        view, table = f"read_models.{name}", rebuilt.table
        columns = ", ".join(f"{column}::text" for column in rebuilt.types)
        counts = connection.execute(
            f"select (select count(*) from {view}), (select count(*) from {table}),"
            f" (select count(*) from (select {columns} from {view} except all select {columns} from {table}) a),"
            f" (select count(*) from (select {columns} from {table} except all select {columns} from {view}) b)"
        ).fetchone()
    assert counts is not None
    return Comparison(*counts)


def activate(connection: Connection[Row], projection: Projection, id_: str) -> Active:
    """The projection with its table's column types, ready to write."""
    table = id_.partition(":")[0]
    rows = connection.execute(COLUMN_TYPES).fetchall()
    return Active(projection, id_, {column: type_ for found, column, type_ in rows if found == table})


def resume(connection: Connection[Row], active: Active, mapper: Mapper, state: str) -> None:
    """Resume a halted projection from its checkpoint; after catching up, the writers maintain it."""
    catch_up(connection, active, mapper)
    join_writers(connection, active, mapper, state)


def _next_epoch(connection: Connection[Row]) -> None:
    connection.execute("update headwater.installation set epoch = epoch + 1")


def bring_up(connection: Connection[Row], contexts: Sequence[Context], mapper: Mapper, progress: Progress) -> None:
    """Make every projection of these contexts live in its current version, and retire read models no longer listed."""
    for context in contexts:
        for model in context.read_models:
            projection = projection_of(context.name, model)
            _note_personal_columns(connection, projection)
            if unregistered(connection, [projection]):
                with operating(connection, projection.name, wait=True):
                    if unregistered(connection, [projection]):
                        put_live(connection, projection, model, mapper, progress)
        projection = reactions(context, mapper)
        if unregistered(connection, [projection]):
            id_ = create(connection, projection, None)
            join_writers(connection, activate(connection, projection, id_), mapper, "live")
    _retire_unlisted(connection, contexts)


def _note_personal_columns(connection: Connection[Row], projection: Projection) -> None:
    """Blank columns that have become personal for everybody who has been erased by then; from now on writers do."""
    noted = {"subject": projection.subject, "personal": list(projection.personal), "name": projection.name}
    if projection.subject is None:
        return
    with connection.transaction():
        changed = {table for (table,) in connection.execute(PERSONAL, noted).fetchall()}
        if not changed:
            return
        types = columns_of(connection.execute(COLUMN_TYPES).fetchall())
        for row in registered(connection):
            for statement in blanked_of_erased(row, types.get(row.table, {})) if row.table in changed else ():
                connection.execute(statement.sql.encode(), statement.params)
        _next_epoch(connection)


def _retire_unlisted(connection: Connection[Row], contexts: Sequence[Context]) -> None:
    """The lag of a read model that no code projects would grow for ever. Retired, it keeps its rows until dropped."""
    listed = {model.name for context in contexts for model in context.read_models}
    names = {context.name for context in contexts}
    for row in registered(connection):
        unlisted = row.context in names and row.name not in listed and not row.table.startswith(TABLE)
        if row.state == "live" and unlisted:
            with connection.transaction():
                connection.execute(RETIRE, (row.name,))
                connection.execute(f"drop view if exists read_models.{row.name}")
                _next_epoch(connection)


def put_live(
    connection: Connection[Row], projection: Projection, model: ReadModel, mapper: Mapper, progress: Progress
) -> Active:
    """Build a read model's table from the journal and make it live; drops unfinished tables of an earlier start.

    A table that halts on the way is made live as it is: it alone stays behind, as one that halts later does.
    """
    for row in registered(connection):
        if row.name == model.name and row.version == model.version and row.state == "building":
            drop(connection, row)
    active = activate(connection, projection, create(connection, projection, model))
    try:
        catch_up(connection, active, mapper, progress)
        join_writers(connection, active, mapper, "shadow")
    except RebuildFailed as failure:
        log.error("%s halts while it is built: %s", projection.name, failure)
    swap(connection, active)
    _empty_unreachable(connection, projection.name)
    return active


def _empty_unreachable(connection: Connection[Row], name: str) -> None:
    """Empty columns that have become personal in retired tables of versions that did not note whose row it is."""
    types = columns_of(connection.execute(COLUMN_TYPES).fetchall())
    for row in registered(connection):
        if (row.name, row.state) == (name, "retired"):
            for sql, params in emptied(row, types.get(row.table, {})):
                connection.execute(sql.encode(), params)
