"""Records with the events they hold. Personal values stay closed unless the master key is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import Connection

from domain.messages import Event
from streams.audit.journal_source import Row, rows
from streams.core.envelope import Record, Recorded
from streams.core.keys import Keyring, WrappedKey
from streams.core.mapper import Mapper
from streams.core.names import Names
from streams.postgres.journal import COLUMNS

SELECT = f"""
    select {COLUMNS}, k.subject is not null, k.wrapped
      from headwater.journal j left join headwater.subject_keys k on k.subject = j.subject
"""


class Facts:
    """Reads recorded events. Without the master key, and of erased persons, every personal value reads as None."""

    def __init__(self, names: Names, master_key: bytes | None = None) -> None:
        self.opened = master_key is not None
        self._mapper = Mapper(names, Keyring(master_key or bytes(32)))

    def select(self, connection: Connection[Row], where: str, values: Sequence[Any]) -> Iterator[Recorded[Event]]:
        """The records that `where` (with its order) picks from `headwater.journal j`; only within a transaction.

        Raises UnknownName, pydantic's ValidationError or ValueError for an event that today's code cannot read, and
        cryptography's InvalidTag when the master key is not the one.
        """
        for row in rows(connection, f"{SELECT} {where}", values):
            yield self.read(Record(*row[:-2]), row[-2], row[-1])

    def read(self, record: Record, known: bool, wrapped: bytes | None) -> Recorded[Event]:
        """The event in a record, given what is stored of its subject's key."""
        keyring = self._mapper.keyring
        keyring.trim()
        if record.subject is not None and (known or not self.opened):
            keyring.learn(WrappedKey(record.subject, wrapped if self.opened else None))
        return Recorded(self._mapper.decode_as(Event, record.name, record.data, record.subject), record)
