"""Records and commands as Kafka messages: the key is the partition key, the value is the JSON, headers hold the rest.

All headers are UTF-8 text, hashes in hexadecimal, so that any client in any language can read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from streams.core.batch import Head
from streams.core.chain import chained
from streams.core.envelope import Envelope, Record, TaskEnd
from streams.kafka.types import AnyHeaders, BrokenLog, Headers


class Unreadable(Exception):
    """A message that this program cannot have written, or that has been damaged."""


class ChainedRecord(NamedTuple):
    """Record with the hash that it gives for its predecessor: a link of the log's hash chain."""

    record: Record
    previous_hash: bytes


class WireCommand(NamedTuple):
    """Command as sent: its envelope with the body still encoded."""

    context: str
    partition: int
    key: str
    name: str
    subject: str | None
    data: bytes
    command_id: UUID
    actor: str
    correlation_id: UUID
    causation_id: UUID | None
    fingerprint: str
    fresh: bool
    expected_version: int | None
    task: TaskEnd | None
    former_fingerprint: str


def record_headers(record: Record, previous_hash: bytes) -> Headers:
    """Headers of a record's message: everything but its key and its value."""
    headers: Headers = [
        ("id", str(record.event_id)),
        ("name", record.name),
        ("stream", record.stream),
        ("version", str(record.version)),
        ("sequence", str(record.sequence)),
        ("previous", previous_hash.hex()),
        ("hash", record.hash.hex()),
        ("command", str(record.command_id)),
        ("correlation", str(record.correlation_id)),
        ("actor", record.actor),
        ("at", record.at.isoformat(timespec="microseconds")),
    ]
    if record.causation_id is not None:
        headers.append(("causation", str(record.causation_id)))
    if record.subject is not None:
        headers.append(("subject", record.subject))
    return headers


def read_record(
    context: str,
    partition: int,
    key: bytes | None,
    value: bytes | None,
    headers: AnyHeaders,
) -> ChainedRecord:
    """Read the record in a message of an events topic; raises Unreadable."""
    if key is None or value is None:
        raise Unreadable("a record needs a key and a value")
    found = _headers(headers)
    try:
        record = Record(  # by position: made for every record read, and three times slower with keywords
            context,
            partition,
            int(found["sequence"]),
            UUID(found["id"]),
            key.decode(),
            found["stream"],
            int(found["version"]),
            found["name"],
            found.get("subject"),
            value,
            _cached_uuid(found["command"]),
            _uuid(found.get("causation")),
            _cached_uuid(found["correlation"]),
            found.get("actor", ""),
            datetime.fromisoformat(found["at"]),
            bytes.fromhex(found["hash"]),
        )
        return ChainedRecord(record, bytes.fromhex(found["previous"]))
    except KeyError as missing:
        raise Unreadable(f"no header {missing}") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


def check_chain(link: ChainedRecord, head: Head) -> None:
    """Check that the record is the next one after `head`, by sequence and by hash; raises BrokenLog."""
    record = link.record
    if record.sequence != head.sequence + 1:
        raise BrokenLog(f"after sequence {head.sequence} comes {record.sequence} at {record.position}")
    if link.previous_hash != head.hash or chained(head.hash, record) != record.hash:
        raise BrokenLog(f"the hash chain breaks at {record.position}")


def command_headers(envelope: Envelope) -> Headers:
    """Headers of a command's message: everything in its envelope but the command."""
    headers: Headers = [
        ("id", str(envelope.command_id)),
        ("name", envelope.command.name),
        ("actor", envelope.actor),
        ("correlation", str(envelope.correlation_id)),
        ("fingerprint", envelope.fingerprint),
    ]
    optional = {
        "subject": envelope.command.subject,
        "causation": envelope.causation_id,
        "fresh": "true" if envelope.fresh else None,
        "expected_version": envelope.expected_version,
        "task": None if envelope.task is None else envelope.task.model_dump_json(),
        "former_fingerprint": envelope.former_fingerprint or None,
    }
    return headers + [(name, str(value)) for name, value in optional.items() if value is not None]


def read_command(
    context: str,
    partition: int,
    key: bytes | None,
    value: bytes | None,
    headers: AnyHeaders,
) -> WireCommand:
    """Read the command in a message of a commands topic without decoding its body; raises Unreadable."""
    if key is None or value is None:
        raise Unreadable("a command needs a key and a value")
    found = _headers(headers)
    if b"\0" in key or any("\0" in text for text in found.values()):
        raise Unreadable("PostgreSQL has no place for the NUL character")
    try:
        version, task = found.get("expected_version"), found.get("task")
        return WireCommand(  # by position, as above: made for every command
            context,
            partition,
            key.decode(),
            found["name"],
            found.get("subject"),
            value,
            UUID(found["id"]),
            found.get("actor", ""),
            UUID(found["correlation"]),
            _uuid(found.get("causation")),
            found.get("fingerprint", ""),
            found.get("fresh") == "true",
            None if version is None else int(version),
            None if task is None else TaskEnd.model_validate_json(task),
            found.get("former_fingerprint", ""),
        )
    except KeyError as missing:
        raise Unreadable(f"no header {missing}") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _headers(headers: AnyHeaders) -> Mapping[str, str]:
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    try:
        return {name: value.decode() if isinstance(value, bytes) else value for name, value in pairs if value}
    except UnicodeDecodeError as error:
        raise Unreadable(str(error)) from None


@lru_cache(maxsize=10_000)
def _cached_uuid(text: str) -> UUID:
    """Cached, because a command's records share their command and correlation ids and follow each other."""
    return UUID(text)


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else _cached_uuid(text)
