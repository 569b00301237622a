"""Outcomes as records: encoded from a decision and its command, decoded to the answer to that command."""

from __future__ import annotations

import logging
from typing import Any

import orjson

from domain.messages import Command, Event
from streams.core.batch import KnownOutcome
from streams.core.envelope import LARGEST_BYTES, Decided, Envelope, Outcome, Problem, Status
from streams.core.mapper import Mapper

log = logging.getLogger(__name__)

NUL = b"\\u0000"
"""JSON's escape for NUL. PostgreSQL cannot search JSON that holds it, and outcomes are searched."""

FIELDS = set(Decided.model_fields)


def concluded(
    mapper: Mapper, envelope: Envelope, status: Status, events: int, problem: Problem | None, keeps_command: bool
) -> tuple[Decided, bytes]:
    """The outcome and its recorded bytes, with the command unless it cannot be kept."""
    command = envelope.command
    made = {
        "at": command.at,
        "command": command.name,
        "status": status,
        "events": events,
        "fingerprint": envelope.fingerprint,
        "problem": problem,
        "task": envelope.task,
        "data_subject": command.subject,
        "code": "" if problem is None else problem.type,
        "body": None,
        "sealed": None,
    }
    kept = _with_command(mapper, command, made) if keeps_command else None
    if kept is not None:
        return kept
    decided = _decided(made)
    return decided, mapper.encode(decided)


def decode_outcome(mapper: Mapper, known: KnownOutcome) -> tuple[str, Outcome]:
    """Decode a stored outcome and its events to (fingerprint, outcome)."""
    record = known.record
    decided = mapper.decode_as(Decided, record.name, record.data, record.subject)
    events = tuple(mapper.decode_as(Event, r.name, r.data, r.subject) for r in known.events)
    outcome = Outcome(record.command_id, decided.status, events, record.position, decided.problem, False, record.actor)
    return decided.fingerprint, outcome


def _with_command(mapper: Mapper, command: Command, made: dict[str, Any]) -> tuple[Decided, bytes] | None:
    """The outcome with its command, and the bytes; None where the command cannot be kept."""
    try:
        body = command.__pydantic_serializer__.to_python(command, mode="json")
        if command.seals:
            sealed = mapper.sealed(body, made["data_subject"])
            read, written = {"sealed": sealed and body}, {"sealed": sealed}
        else:
            read = written = {"body": body}
        data = orjson.dumps(_line(made) | written, option=orjson.OPT_UTC_Z)
    except (TypeError, ValueError) as error:  # JSON has no place for a value in it
        log.warning("a command %s is not kept: %s", command.name, type(error).__name__)
        return None
    if len(data) > LARGEST_BYTES or NUL in data:
        return None
    return _decided(made | read), data


def _line(made: dict[str, Any]) -> dict[str, Any]:
    """An outcome as stored, without command and empty fields, in half the time that the mapper takes."""
    line = {"at": made["at"], "command": made["command"], "status": made["status"]._value_, "events": made["events"]}
    if made["fingerprint"]:
        line["fingerprint"] = made["fingerprint"]
    if made["problem"] is not None:
        line |= {"problem": made["problem"].model_dump(mode="json"), "code": made["code"]}
    if made["task"] is not None:
        line["task"] = made["task"].model_dump(mode="json")
    if made["data_subject"] is not None:
        line["subject"] = made["data_subject"]
    return line


def _decided(made: dict[str, Any]) -> Decided:
    """The outcome of these fields, without validation, which takes three times as long."""
    decided = Decided.__new__(Decided)
    object.__setattr__(decided, "__dict__", made)
    object.__setattr__(decided, "__pydantic_fields_set__", FIELDS)
    object.__setattr__(decided, "__pydantic_extra__", None)
    object.__setattr__(decided, "__pydantic_private__", None)
    return decided
