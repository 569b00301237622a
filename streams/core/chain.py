"""Hash chain of a partition: the canonical bytes of a record, and the link from one record to the next."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from uuid import UUID

import orjson

from streams.core.envelope import Record


@lru_cache(maxsize=256)
def _written(at: datetime) -> str:
    """Cached, because records come in groups of the same time."""
    return at.isoformat(timespec="microseconds")


def link(
    previous: bytes,
    context: str,
    partition: int,
    sequence: int,
    event_id: UUID,
    key: str,
    stream: str,
    version: int,
    name: str,
    subject: str | None,
    data: bytes,
    command_id: UUID,
    causation_id: UUID | None,
    correlation_id: UUID,
    actor: str,
    at: datetime,
) -> bytes:
    """SHA-256 over the previous hash and the record's canonical bytes.

    They are a compact JSON array (UTF-8, unescaped) of context, partition, sequence, event id, key, stream, version,
    name, subject, command id, causation id, correlation id, actor and time (ISO 8601, six decimals, +00:00), then a
    newline, then the stored data.
    """
    header = (
        context,
        partition,
        sequence,
        event_id,
        key,
        stream,
        version,
        name,
        subject,
        command_id,
        causation_id,
        correlation_id,
        actor,
        _written(at),
    )
    return sha256(b"%b%b\n%b" % (previous, orjson.dumps(header), data)).digest()


def chained(previous: bytes, record: Record) -> bytes:
    """The hash that this record must have after one with the hash `previous`."""
    return link(previous, *record[:-1])
