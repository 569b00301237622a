"""One row per recipient of whom anything was reported that bears on mail: whether it is wanted, since when, and why.

It hangs on the mark alone, so that an unsubscribe outlives the erasure of the person.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.recipient import (
    RecipientBounced,
    RecipientResubscribed,
    RecipientStatus,
    RecipientUnsubscribed,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case RecipientUnsubscribed() as fact:
            status, source = RecipientStatus.UNSUBSCRIBED, fact.source.value
        case RecipientBounced(ends_mail=True) as fact:
            status, source = RecipientStatus.BOUNCED, "crm"
        case RecipientResubscribed() as fact:
            status, source = RecipientStatus.ACTIVE, fact.source
        case _:
            return
    yield put(fact.mark, status=status.value, since=fact.at, source=source)


RECIPIENTS = ReadModel(
    "content_generator_recipients",
    version=1,
    key=("mark",),
    project=project,
    ddl="""
    create table {table} (
        mark            text primary key,
        status          text not null,
        since           timestamptz not null,
        source          text not null
    );
""",
)
