"""Records and commands as Kafka messages: the key is the partition key, the value the JSON, the rest are headers.

All headers are UTF-8 text, hashes in hexadecimal, so that any client in any language can read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from streams.envelope import Envelope, Record, TaskEnd

Headers = list[tuple[str, bytes]]


class Unreadable(Exception):  # noqa: N818
    """A message that nobody of this program's making can have written, or that has been damaged."""


class Follows(NamedTuple):
    """A record with the hash it says it follows."""

    record: Record
    previous: bytes


class WireCommand(NamedTuple):
    """A command as it travels: everything of its envelope but the decoded body."""

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


def record_headers(record: Record, previous: bytes) -> Headers:
    """Everything about a record that is not its key or its value."""
    headers = [
        ("id", str(record.event_id).encode()),
        ("name", record.name.encode()),
        ("stream", record.stream.encode()),
        ("version", b"%d" % record.version),
        ("sequence", b"%d" % record.sequence),
        ("previous", previous.hex().encode()),
        ("hash", record.hash.hex().encode()),
        ("command", str(record.command_id).encode()),
        ("correlation", str(record.correlation_id).encode()),
        ("actor", record.actor.encode()),
        ("at", record.at.isoformat(timespec="microseconds").encode()),
    ]
    if record.causation_id is not None:
        headers.append(("causation", str(record.causation_id).encode()))
    if record.subject is not None:
        headers.append(("subject", record.subject.encode()))
    return headers


def read_record(
    context: str,
    partition: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]] | None,
) -> Follows:
    """The record in a message of an events topic; raises Unreadable."""
    if key is None or value is None:
        raise Unreadable("a record needs a key and a value")
    found = _headers(headers)
    try:
        record = Record(
            context, partition, int(found["sequence"]), UUID(found["id"]), key.decode(), found["stream"],
            int(found["version"]), found["name"], found.get("subject"), value, UUID(found["command"]),
            _uuid(found.get("causation")), UUID(found["correlation"]), found["actor"],
            datetime.fromisoformat(found["at"]), bytes.fromhex(found["hash"]),
        )  # fmt: skip
        return Follows(record, bytes.fromhex(found["previous"]))
    except KeyError as missing:
        raise Unreadable(f"no header {missing}") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


def command_headers(envelope: Envelope) -> Headers:
    """Everything of an envelope that is not the command itself."""
    headers = [
        ("id", str(envelope.command_id).encode()),
        ("name", envelope.command.name.encode()),
        ("actor", envelope.actor.encode()),
        ("correlation", str(envelope.correlation_id).encode()),
        ("fingerprint", envelope.fingerprint.encode()),
    ]
    optional = {
        "subject": envelope.command.subject,
        "causation": envelope.causation_id,
        "fresh": "true" if envelope.fresh else None,
        "expected_version": envelope.expected_version,
        "task": None if envelope.task is None else envelope.task.model_dump_json(),
    }
    return headers + [(name, str(value).encode()) for name, value in optional.items() if value is not None]


def read_command(
    context: str,
    partition: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]] | None,
) -> WireCommand:
    """The command in a message of a commands topic, its body still encoded; raises Unreadable."""
    if key is None or value is None:
        raise Unreadable("a command needs a key and a value")
    found = _headers(headers)
    try:
        version, task = found.get("expected_version"), found.get("task")
        return WireCommand(
            context, partition, key.decode(), found["name"], found.get("subject"), value, UUID(found["id"]),
            found["actor"], UUID(found["correlation"]), _uuid(found.get("causation")), found["fingerprint"],
            found.get("fresh") == "true", None if version is None else int(version),
            None if task is None else TaskEnd.model_validate_json(task),
        )  # fmt: skip
    except KeyError as missing:
        raise Unreadable(f"no header {missing}") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


def _headers(headers: Sequence[tuple[str, bytes | None]] | None) -> Mapping[str, str]:
    try:
        return {name: value.decode() for name, value in headers or () if value is not None}
    except UnicodeDecodeError as error:
        raise Unreadable(str(error)) from None


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
