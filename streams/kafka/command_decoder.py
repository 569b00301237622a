"""Decoder from messages of a commands topic to envelopes. A command that cannot be read is refused, never skipped.

One unreadable message must not block its partition, and every command must get an answer. So an unreadable message
becomes a command that is always refused, and its outcome is in the log like any other. The outcome is under the
command's own id, or under one derived from the message's offset where even the id cannot be read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from domain.messages import Command, Event
from streams.core.envelope import Envelope
from streams.core.mapper import Mapper
from streams.core.partitions import partition_of
from streams.core.refusals import UnreadableCommand
from streams.core.wiring import SUBJECT_STREAM, Context, Handler, Nothing
from streams.kafka.gauges import UNREADABLE
from streams.kafka.records import Unreadable, WireCommand, read_command
from streams.kafka.types import AnyHeaders

log = logging.getLogger(__name__)

OFFSETS = UUID("b0d6ac5c-6f5c-5a0e-9a3f-5f0a5c9f2b61")
"""Namespace of the ids of messages without one; they derive from context, partition and offset."""

NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""JSON's escape for NUL, which PostgreSQL cannot store. After another backslash the same letters are plain text."""


class ReadCommand(Command, name="headwater.command.read.v1", key="partition_key"):
    """Stand-in for a command that could not be decoded."""

    partition_key: str
    erased: str = ""
    reason: str


def refuse(command: ReadCommand, _state: Nothing) -> Sequence[Event]:
    raise UnreadableCommand("the command could not be read by the processor", reason=command.reason)


UNREADABLE_HANDLER = Handler(ReadCommand, decide=refuse, writes=SUBJECT_STREAM, keeps_command=False)


class CommandMessage(NamedTuple):
    """Message of a commands topic, as received."""

    context: str
    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes | None
    headers: AnyHeaders


def with_unreadable(context: Context) -> Context:
    """Add the handler that refuses unreadable commands to a context."""
    return replace(context, handlers=(*context.handlers, UNREADABLE_HANDLER))


def wire_of(message: CommandMessage) -> WireCommand | Unreadable:
    """Read the command with its body still encoded; the error instead, if the message cannot be read."""
    try:
        return read_command(message.context, message.partition, message.key, message.value, message.headers)
    except Unreadable as error:
        return error


def envelope_of(
    message: CommandMessage,
    wire: WireCommand | Unreadable,
    mapper: Mapper,
    partitions: int,
    too_large: Collection[UUID] = (),
) -> Envelope:
    """Decode the command, or build the refused stand-in for one that is unreadable or in `too_large`.

    The keyring must hold the key of the command's subject.
    """
    if isinstance(wire, Unreadable):
        return _unreadable(message, None, wire)
    try:
        _check_text(wire)
        command = mapper.decode_as(Command, wire.name, wire.data, wire.subject)
        _check_place(command, wire, partitions)
    except Exception as error:
        log.exception("command %s (%s) cannot be read", wire.command_id, wire.name)
        return _unreadable(message, wire, error)
    if wire.command_id in too_large:
        return _unreadable(message, wire, Unreadable("what it leads to is too large for the log"))
    return Envelope(  # by position: made for every command, and three times slower with keywords
        command,
        wire.command_id,
        wire.context,
        wire.partition,
        wire.actor,
        wire.correlation_id,
        wire.causation_id,
        wire.fingerprint,
        wire.fresh,
        wire.expected_version,
        wire.task,
        wire.former_fingerprint,
    )


def _check_text(wire: WireCommand) -> None:
    if NUL.search(wire.data):
        raise Unreadable("PostgreSQL has no place for the NUL character")


def _check_place(command: Command, wire: WireCommand, partitions: int) -> None:
    if command.key != wire.key or partition_of(wire.key, partitions) != wire.partition:
        raise Unreadable("the key is not this partition's: producers need the partitioner murmur2_random")


def _unreadable(message: CommandMessage, wire: WireCommand | None, error: Exception) -> Envelope:
    UNREADABLE.labels(message.context).inc()
    key = (message.key or b"").decode(errors="replace").replace("\0", "\ufffd")
    origin = uuid5(OFFSETS, f"{message.context}/{message.partition}/{message.offset}")
    reason = str(error) if isinstance(error, Unreadable) else type(error).__name__
    return Envelope(
        command=ReadCommand(at=message.time, partition_key=key, reason=reason),
        command_id=wire.command_id if wire else origin,
        context=message.context,
        partition=message.partition,
        actor=wire.actor if wire else "unknown",
        correlation_id=wire.correlation_id if wire else origin,
        causation_id=wire.causation_id if wire else None,
        fingerprint=wire.fingerprint if wire else "",
        task=wire.task if wire else None,
        former_fingerprint=wire.former_fingerprint if wire else "",
    )


def time_of(timestamp: tuple[int, int]) -> datetime:
    """Time of a message as the broker gives it, in UTC."""
    _kind, milliseconds = timestamp
    return datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC)
