"""What counts as an interaction: a message received, or one sent that the provider took or a report confirmed.

Every figure of interactions is a sum over these, each on the day of the event that makes it one.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import MessageReceived
from domain.creator_hub.message import CauseKind, MessageDelivered, MessageRead, MessageSent
from domain.messages import Event

NO_PROGRAM = ""
"""The key of what belongs to no program."""


class Interaction(NamedTuple):
    """An interaction. `ai`: a model wrote it. `waited` is the time from the member's message to the reply to it."""

    message_id: str
    creator_id: str
    user_id: str
    channel_id: str
    channel_type: ChannelType
    at: datetime
    received: bool
    ai: bool = False
    program_id: str = NO_PROGRAM
    waited_microseconds: int | None = None

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def counts(self) -> dict[str, int]:
        """One more of those received, or of those sent."""
        return {"received": 1} if self.received else {"sent": 1}


def interaction_of(fact: Event) -> Interaction | None:
    """The interaction that the event is the first to tell of; None for any other event."""
    match fact:
        case MessageReceived():
            return _received(fact)
        case MessageSent() | MessageDelivered(confirms=True) | MessageRead(confirms=True):
            return _sent(fact)
        case _:
            return None


def _received(fact: MessageReceived) -> Interaction:
    """An answer belongs to the program whose step waits for it, the first of several."""
    programs = [step.program_id for step in fact.awaited_by if not step.held]
    return Interaction(
        fact.message_id,
        fact.creator_id,
        fact.user_id,
        fact.channel_id,
        fact.channel_type,
        fact.at,
        received=True,
        program_id=programs[0] if programs else NO_PROGRAM,
    )


def _sent(fact: MessageSent | MessageDelivered | MessageRead) -> Interaction:
    return Interaction(
        fact.message_id,
        fact.creator_id,
        fact.user_id,
        fact.channel_id,
        fact.channel_type,
        fact.at,
        received=False,
        ai=fact.cause.ai,
        program_id=fact.cause.program_id or NO_PROGRAM,
        waited_microseconds=_waited(fact) if isinstance(fact, MessageSent) else None,
    )


def _waited(fact: MessageSent) -> int | None:
    if fact.cause.kind is not CauseKind.REPLY or fact.cause.answered_at is None:
        return None
    return microseconds(fact.cause.answered_at, fact.at)


def microseconds(since: datetime, until: datetime) -> int:
    """The time between two instants."""
    between = until - since
    return (between.days * 86_400 + between.seconds) * 1_000_000 + between.microseconds
