"""The reactions to events, by part of the product. Every step between two keys is a command due at once."""

from __future__ import annotations

from collections.abc import Iterator

from commands import outbox, webhooks
from commands.content_generator.campaign_reactions import react_to_campaign
from commands.content_generator.document_reactions import react_to_document
from commands.content_generator.job_reactions import react_to_job
from commands.content_generator.live_reactions import react_to_session
from commands.content_generator.publication_reactions import react_to_page, react_to_post
from domain.content_generator.marks import MARK
from domain.messages import Event
from streams.core.envelope import Recorded
from streams.core.wiring import Reaction, SubjectErased

PARTS = (react_to_document, react_to_job, react_to_campaign, react_to_page, react_to_post, react_to_session)


def react(event: Recorded[Event]) -> Iterator[Reaction]:
    """Each part knows its own events and passes over the others."""
    for part in PARTS:
        yield from part(event)
    if isinstance(event.fact, SubjectErased) and MARK.fullmatch(event.fact.erased.partition(":")[2]):
        yield outbox.removal(event.fact)  # a person, as pages of addresses that were carried have no messages
    yield from webhooks.react(event)
