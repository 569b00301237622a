"""The hash chain of a partition: what its bytes are, and how one record follows another."""

from __future__ import annotations

from hashlib import sha256

import orjson

from streams.envelope import Record


def canonical(record: Record) -> bytes:
    """The bytes the hash chain runs over: a JSON array of the header fields, a newline, then the stored data."""
    return orjson.dumps([
        record.context, record.partition, record.sequence, record.event_id, record.key, record.stream,
        record.version, record.name, record.subject, record.command_id, record.causation_id,
        record.correlation_id, record.actor, record.at.isoformat(timespec="microseconds"),
    ]) + b"\n" + record.data  # fmt: skip


def chained(previous: bytes, record: Record) -> bytes:
    """SHA-256 over the previous hash and the record's canonical bytes (its own `hash` plays no part)."""
    return sha256(previous + canonical(record)).digest()
