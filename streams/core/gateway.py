"""Gateway for commands and their outcomes: the interface that both runtimes implement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol
from uuid import UUID, uuid4

from domain.messages import Command
from streams.core.envelope import Envelope, Outcome, TaskEnd
from streams.core.ids import derived_id
from streams.core.partitions import partition_of

SUBMIT_SECONDS = 30.0
"""Longest wait of one submission for its outcome."""

COMMAND_IDS = UUID("6f1b6a34-2f0f-5c4e-9a64-0d7c3c2b9b11")
"""Namespace of command ids that derive from idempotency keys."""


class Unavailable(Exception):
    """The log cannot take commands now. `maybe_recorded`: whether this command may be in the log all the same.

    `retry_after` is in seconds.
    """

    def __init__(self, sentence: str, *, maybe_recorded: bool, retry_after: float = 1.0) -> None:
        super().__init__(sentence)
        self.maybe_recorded = maybe_recorded
        self.retry_after = retry_after


class Pending(Exception):
    """The command is in the log but its outcome is not visible yet; look it up by its id later."""

    def __init__(self, command_id: UUID) -> None:
        super().__init__(str(command_id))
        self.command_id = command_id


class Gateway(Protocol):
    """Gateway that submits commands and waits for their outcomes."""

    async def submit(self, envelope: Envelope, timeout_seconds: float) -> Outcome:
        """Submit a command and return its outcome; raises IdempotencyConflict, Unavailable or Pending."""
        ...

    async def outcome(self, context: str, command_id: UUID) -> Outcome | None:
        """The recorded outcome of a command; None while there is none."""
        ...


async def submit_until_recorded(
    gateway: Gateway, envelope: Envelope, patience: float | Callable[[], bool]
) -> Outcome | None:
    """Submit a command, repeat it while the log takes none, and return its outcome.

    `patience` is a number of seconds, or a function that decides after each failure whether to go on. Returns None when
    the outcome is not visible in time, although the command is in the log. Raises Unavailable when the patience is at
    its end, and IdempotencyConflict.
    """
    persist = patience if callable(patience) else _for_seconds(patience)
    while True:
        try:
            return await gateway.submit(envelope, SUBMIT_SECONDS)
        except Pending:
            return None
        except Unavailable as unavailable:
            if not persist():
                raise
            await asyncio.sleep(unavailable.retry_after)


def _for_seconds(seconds: float) -> Callable[[], bool]:
    until = monotonic() + seconds
    return lambda: monotonic() <= until


def command_id_for(surface: str, caller: str, idempotency_key: str) -> UUID:
    """Command id of an idempotency key: one id per surface, caller and key."""
    return derived_id(COMMAND_IDS, f"{surface}\0{caller}\0{idempotency_key}")


def envelop(
    command: Command,
    context: str,
    partitions: int,
    actor: str,
    command_id: UUID | None = None,
    correlation_id: UUID | None = None,
    causation_id: UUID | None = None,
    fingerprint: str = "",
    former_fingerprint: str = "",
    expected_version: int | None = None,
    task: TaskEnd | None = None,
    fresh: bool = False,
) -> Envelope:
    """Build the envelope of a command. Without `command_id` it gets a new id, and cannot be a repetition."""
    id_ = command_id or uuid4()
    return Envelope(
        command=command,
        command_id=id_,
        context=context,
        partition=partition_of(command.key, partitions),
        actor=actor,
        correlation_id=correlation_id or id_,
        causation_id=causation_id,
        fingerprint=fingerprint,
        former_fingerprint=former_fingerprint,
        fresh=fresh or command_id is None,
        expected_version=expected_version,
        task=task,
    )
