"""Signing an entry, and recording how its author was thanked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.guestbook.entry import AuthorThanked, Entry, EntryEvent, EntrySigned, Phase, ThanksFailed

from domain.messages import Command, Personal, Refused, ReplyAboutPerson, Result

LONGEST = 280


class EntryTooLong(Refused, name="guestbook.entry_too_long"):
    """An entry has at most 280 characters."""


class SignEntry(Command, name="guestbook.entry.sign.v1", key="author", subject="author"):
    entry_id: UUID
    author: str
    text: str
    phone_number: Personal[str]


class RecordThanks(ReplyAboutPerson, name="guestbook.entry.record_thanks.v1", key="author", subject="author"):
    entry_id: UUID
    author: str


def sign(command: SignEntry, entry: Entry) -> Sequence[EntryEvent]:
    if entry.phase is not Phase.ABSENT:
        return []
    if len(command.text) > LONGEST:
        raise EntryTooLong(f"an entry has at most {LONGEST} characters, this one has {len(command.text)}")
    return [EntrySigned(**command.model_dump())]


def record_thanks(command: RecordThanks, entry: Entry) -> Sequence[EntryEvent]:
    attempt = command.attempt
    if attempt is None or entry.phase is not Phase.SIGNED or attempt.retry_at is not None:
        return []
    if attempt.result is Result.ACCEPTED:
        return [
            AuthorThanked(at=command.at, entry_id=command.entry_id, author=command.author, provider=attempt.provider)
        ]
    return [ThanksFailed(at=command.at, entry_id=command.entry_id, author=command.author, reason=command.reason)]
