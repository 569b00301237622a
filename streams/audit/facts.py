"""Reader of recorded events. Personal values stay sealed without the master key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import Connection

from domain.messages import Event
from streams.audit.journal_source import Row, rows
from streams.core.envelope import Recorded
from streams.core.keys import Keyring, WrappedKey
from streams.core.mapper import Mapper
from streams.core.names import Names
from streams.postgres.journal import COLUMNS, KEY_OF_RECORD, KeyedRecord

SELECT = f"""
    select {COLUMNS}, k.subject is not null, k.wrapped
      from headwater.journal j left join headwater.subject_keys k on {KEY_OF_RECORD}
"""


class Facts:
    """Reader of recorded events. Personal values are None without the master key, and for erased persons."""

    def __init__(self, names: Names, master_key: bytes | None = None) -> None:
        self.opened = master_key is not None
        self._mapper = Mapper(names, Keyring(master_key or bytes(32)))

    def select(self, connection: Connection[Row], where: str, values: Sequence[Any]) -> Iterator[Recorded[Event]]:
        """The recorded events that `where` (with its order) selects from `headwater.journal j`; needs a transaction.

        Raises UnknownName, pydantic's ValidationError or ValueError for an event that the current code cannot read,
        and cryptography's InvalidTag for a wrong master key.
        """
        for stored in map(KeyedRecord.of, rows(connection, f"{SELECT} {where}", values)):
            yield self.read(stored)

    def read(self, stored: KeyedRecord) -> Recorded[Event]:
        """The record with its event decoded."""
        record, keyring = stored.record, self._mapper.keyring
        keyring.trim()
        if stored.has_key or not self.opened:
            keyring.learn(WrappedKey(record.key_subject, stored.wrapped if self.opened else None))
        return Recorded(self._mapper.decode_as(Event, record.name, record.data, record.subject), record)
