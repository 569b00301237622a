"""The answers of a job's channels, in any order and however late."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypedDict

from commands.content_generator.run import run_ended
from domain.content_generator.kinds import Channel
from domain.content_generator.sync_job import (
    ChannelConfirmed,
    ChannelDelivered,
    ChannelError,
    ChannelFailed,
    ChannelPhase,
    ChannelResult,
    ChannelUnconfirmed,
    SyncJob,
    SyncJobEvent,
    evolve,
)
from domain.messages import Command, Instant


class ChannelOutcome(StrEnum):
    """DELIVERED and FAILED are certain; UNCONFIRMED may be either."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class RecordChannel(Command, name="content_generator.sync_job.record_channel.v1", key="root"):
    """Record what became of a channel. `run` is the run that asked for it."""

    root: str
    run: int
    channel: Channel
    outcome: ChannelOutcome
    result: ChannelResult
    code: str = ""
    reason: str = ""
    attempts: int = 0


class _Fields(TypedDict):
    at: Instant
    root: str
    run: int
    tenant: str
    channel: Channel


def record_channel(command: RecordChannel, job: SyncJob) -> Sequence[SyncJobEvent]:
    """A delivered channel stays delivered. What comes late about an unconfirmed one restates the run it belongs to.

    An answer to an earlier run says of a later one only that the channel was delivered: what failed then may have been
    delivered since.
    """
    state = job.channels.get(command.channel)
    if state is None or command.run > state.run:
        return []
    fields: _Fields = {
        "at": command.at,
        "root": command.root,
        "run": state.run,
        "tenant": job.tenant,
        "channel": command.channel,
    }
    match state.phase:
        case ChannelPhase.UNDER_WAY:
            events = _answered(command, fields) if command.run == state.run or _delivered(command) else []
        case ChannelPhase.UNCONFIRMED:
            events = _settled(command, fields) if command.run == state.run or _delivered(command) else []
        case ChannelPhase.FAILED if _delivered(command):
            events = [ChannelConfirmed(**fields, result=command.result)]
        case _:
            events = []
    return _with_end(command, state.run, job, events) if events else []


def _delivered(command: RecordChannel) -> bool:
    return command.outcome is ChannelOutcome.DELIVERED


def _answered(command: RecordChannel, fields: _Fields) -> list[SyncJobEvent]:
    match command.outcome:
        case ChannelOutcome.DELIVERED:
            return [ChannelDelivered(**fields, result=command.result)]
        case ChannelOutcome.FAILED:
            return [ChannelFailed(**fields, error=_error(command), result=command.result)]
        case ChannelOutcome.UNCONFIRMED:
            return [ChannelUnconfirmed(**fields, error=_error(command), result=command.result)]


def _settled(command: RecordChannel, fields: _Fields) -> list[SyncJobEvent]:
    """A person, or a later look, has found out about an unconfirmed channel."""
    match command.outcome:
        case ChannelOutcome.DELIVERED:
            return [ChannelConfirmed(**fields, result=command.result)]
        case ChannelOutcome.FAILED:
            return [ChannelFailed(**fields, error=_error(command), result=command.result)]
        case ChannelOutcome.UNCONFIRMED:
            return []


def _error(command: RecordChannel) -> ChannelError:
    return ChannelError(
        channel=command.channel,
        code=command.code,
        message=command.reason,
        attempts=command.attempts,
        at=command.at,
    )


def _with_end(command: RecordChannel, run: int, job: SyncJob, events: list[SyncJobEvent]) -> Sequence[SyncJobEvent]:
    for event in events:
        job = evolve(job, event)
    return [*events, *run_ended(command.at, command.root, run, job)]
