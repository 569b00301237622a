"""The reactions to events, by part of the product."""

from __future__ import annotations

from collections.abc import Iterator

from commands import outbox, webhooks
from commands.creator_hub.channel_reactions import react_to_channel, react_to_message
from commands.creator_hub.knowledge_reactions import react_to_document
from commands.creator_hub.member_reactions import react_to_member
from commands.creator_hub.program_reactions import react_to_enrollment, react_to_way
from commands.creator_hub.rule_reactions import react_to_export, react_to_rule
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Reaction, SubjectErased

PARTS = (
    react_to_document,
    react_to_enrollment,
    react_to_way,
    react_to_member,
    react_to_channel,
    react_to_message,
    react_to_rule,
    react_to_export,
)


def react(event: Recorded[Event]) -> Iterator[Reaction]:
    """Each part knows its own events and passes over the others."""
    for part in PARTS:
        yield from part(event)
    if isinstance(event.fact, SubjectErased):
        yield outbox.removal(event.fact)
    yield from webhooks.react(event)
