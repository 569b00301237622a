"""The tables of the read models, written by batches of events as the engine's writer does, and read by queries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, TypeVar
from uuid import UUID
from zlib import crc32

from psycopg import AsyncConnection

from domain.messages import Event
from streams.core.envelope import Record, Recorded
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.read_models import ReadModel, Row
from streams.core.wiring import Context, names_of
from streams.postgres import rebuild
from streams.postgres.database import Statement, connect, connect_plain, write
from streams.postgres.installation import prepare, projection_of
from streams.postgres.projection_tables import Active, Halt, blanked, changes_of, written

T = TypeVar("T")
PARTITIONS = 4
Written = tuple[str, Event]
"""An event, and the key of its stream."""


def recorded(context: str, history: Sequence[Written]) -> list[Recorded[Event]]:
    """The events as records: each key in its partition, each stream with its versions."""
    sequences = [0] * PARTITIONS
    versions: dict[str, int] = {}
    records = []
    for key, event in history:
        partition = crc32(key.encode()) % PARTITIONS
        sequences[partition] += 1
        stream = f"{event.aggregate}/{key}"
        versions[stream] = versions.get(stream, 0) + 1
        records.append(_record(context, event, key, stream, versions[stream], partition, sequences[partition]))
    return records


def _record(
    context: str, event: Event, key: str, stream: str, version: int, partition: int, sequence: int
) -> Recorded[Event]:
    id_ = UUID(int=sequence * PARTITIONS + partition)
    about = (event.name, event.subject, b"", id_, None, id_, "test", event.at, bytes(32))
    return Recorded(event, Record(context, partition, sequence, id_, key, stream, version, *about))


def erased(history: Sequence[Written], subject: str) -> list[Written]:
    """The events as they are read once the key of this subject is destroyed."""
    return [(key, _without_personal(event) if event.subject == subject else event) for key, event in history]


def _without_personal(event: Event) -> Event:
    return event.model_copy(update=dict.fromkeys(event.personal_fields))


def install(dsn: str, context: Context) -> None:
    """Make the tables of a context in this database."""
    with connect_plain(dsn) as plain:
        prepare(plain, [context], PARTITIONS)
        rebuild.bring_up(plain, [context], Mapper(names_of([context]), Keyring(bytes(32))), lambda _: None)


class Tables:
    """The live tables of every read model of a context."""

    def __init__(
        self, context: str, runner: asyncio.Runner, connection: AsyncConnection[Row], actives: Sequence[Active]
    ) -> None:
        self._context, self._runner, self.connection, self._actives = context, runner, connection, actives

    @classmethod
    @contextmanager
    def over(cls, dsn: str, context: str, models: Sequence[ReadModel]) -> Iterator[Tables]:
        """The tables that were made in this database."""
        with connect_plain(dsn) as plain:
            ids = {row.name: row.table for row in rebuild.registered(plain)}
            actives = [rebuild.activate(plain, projection_of(context, model), ids[model.name]) for model in models]
        with asyncio.Runner() as runner:
            connection = runner.run(connect(dsn))
            try:
                yield cls(context, runner, connection, actives)
            finally:
                runner.run(connection.close())

    def ask(self, query: Callable[..., Coroutine[Any, Any, T]], *values: Any, **named: Any) -> T:
        """The answer of a query."""
        return self._runner.run(query(self.connection, *values, **named))

    def run(self, sql: str, values: Sequence[object]) -> None:
        """Do a statement of the test's own."""
        self._write([Statement(sql, list(values))])

    def clear(self) -> None:
        self._write([Statement(f"truncate {', '.join(active.table for active in self._actives)}")])

    def apply(self, history: Sequence[Written], random: Random | None = None) -> None:
        """Project the events, in one batch or in random ones, in which partitions overtake each other."""
        records = recorded(self._context, history)
        for batch in [records] if random is None else _batches(records, random):
            for active in self._actives:
                changes = changes_of(active, batch)
                assert not isinstance(changes, Halt), changes
                self._write(written(active, changes))

    def erase(self, subject: str) -> None:
        """Blank the columns about this person in every table."""
        self._write([statement for active in self._actives for statement in blanked(active, [subject])])

    def rows(self, *models: ReadModel) -> dict[str, list[Row]]:
        """Every row of these tables, or of all, as text."""
        names = [model.name for model in models] or [active.projection.name for active in self._actives]
        return {name: self._runner.run(self._rows(name)) for name in names}

    async def _rows(self, name: str) -> list[Row]:
        return await (await self.connection.execute(f"select r::text from {name} r order by 1".encode())).fetchall()

    def _write(self, statements: Sequence[Statement]) -> None:
        if statements:
            self._runner.run(write(self.connection, statements))


def _batches(records: Sequence[Recorded[Event]], random: Random) -> Iterator[list[Recorded[Event]]]:
    """The records in batches, each from one partition: within a partition in order, between them in any."""
    queues = [[one for one in records if one.position.partition == partition] for partition in range(PARTITIONS)]
    while left := [queue for queue in queues if queue]:
        queue = random.choice(left)
        size = random.randint(1, len(queue))
        yield queue[:size]
        del queue[:size]
