"""An entry in the guest book: signed, then its author thanked or not."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.messages import Event, Personal, Remark


class _OfEntry(Event, subject="author"):
    entry_id: UUID
    author: str


class EntrySigned(_OfEntry, name="guestbook.entry.signed.v1"):
    """`phone_number` is E.164; the text of the entry is public."""

    text: str
    phone_number: Personal[str]


class AuthorThanked(_OfEntry, name="guestbook.entry.thanked.v1"):
    provider: str


class ThanksFailed(_OfEntry, name="guestbook.entry.thanks_failed.v1"):
    reason: Remark


EntryEvent = EntrySigned | AuthorThanked | ThanksFailed


class Phase(StrEnum):
    ABSENT = "absent"
    SIGNED = "signed"
    CLOSED = "closed"


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    phase: Phase = Phase.ABSENT


def evolve(entry: Entry, event: EntryEvent) -> Entry:
    match event:
        case EntrySigned():
            return Entry(phase=Phase.SIGNED)
        case AuthorThanked() | ThanksFailed():
            return entry.model_copy(update={"phase": Phase.CLOSED})
        case _:
            assert_never(event)
