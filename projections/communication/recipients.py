"""One row per person: preferences, addresses, and a pending verification.

`version` is that of the recipient's stream after the last change of the row. A person without a row has the default
preferences.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never
from uuid import UUID

from psycopg import AsyncConnection

from domain.communication.consent import (
    AddressSuppressed,
    ConsentGranted,
    ConsentRevoked,
    OfRecipient,
    OptedOut,
    PhoneNumberVerified,
    PhoneVerificationFailed,
    SmsConsentRequested,
    VerificationCodeFailed,
    VerificationCodeSent,
    ends_verification,
)
from domain.communication.events import CommunicationEvent
from domain.communication.kinds import Channel
from domain.communication.preferences import DEFAULTS, Preferences
from domain.communication.recipient import (
    InboundSmsReceived,
    PreferencesReset,
    PreferencesUpdated,
    RecipientContacted,
    RecipientEvent,
)
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, put


def project(event: Recorded[CommunicationEvent]) -> Iterator[Change]:
    match event.fact:
        case OfRecipient() as fact:
            columns = _columns(fact)
            if columns:
                yield put(fact.user_id, version=event.record.version, updated_at=event.record.at, **columns)


def _columns(fact: RecipientEvent) -> dict[str, object]:
    match fact:
        case PreferencesUpdated() | PreferencesReset():
            return {"preferences": fact.preferences.model_dump(mode="json")}
        case SmsConsentRequested():
            return {
                "pending_phone": fact.phone_number,
                "verification_id": fact.verification_id,
                "verification_expires_at": fact.expires_at,
            }
        case PhoneNumberVerified():
            return NOTHING_PENDING
        case OptedOut() | ConsentRevoked():
            return NOTHING_PENDING if ends_verification(fact) else {}
        case ConsentGranted():
            return {"phone" if fact.channel is Channel.SMS else "email": fact.address}
        case VerificationCodeSent() | VerificationCodeFailed() | PhoneVerificationFailed():
            return {}
        case AddressSuppressed() | InboundSmsReceived() | RecipientContacted():
            return {}
        case _:
            assert_never(fact)


NOTHING_PENDING: dict[str, object] = {"pending_phone": None, "verification_id": None, "verification_expires_at": None}


RECIPIENTS = ReadModel(
    "communication_recipients",
    version=1,
    key=("user_id",),
    project=project,
    subject="user_id",
    personal=("phone", "email", "pending_phone"),
    ddl="""
    create table {table} (
        user_id                     bigint primary key,
        version                     bigint not null,
        updated_at                  timestamptz not null,
        preferences                 jsonb,
        phone                       text,
        email                       text,
        pending_phone               text,
        verification_id             uuid,
        verification_expires_at     timestamptz
    );
    create index on {table} (phone) where phone is not null;
    create index on {table} (pending_phone) where pending_phone is not null;
    create index on {table} (email) where email is not null;
""",
)


class PreferencesRow(NamedTuple):
    """A person's preferences. `version` 0: nothing was recorded, and these are the defaults."""

    preferences: Preferences
    version: int


class PendingVerification(NamedTuple):
    """A phone number that waits for its code."""

    user_id: int
    verification_id: UUID
    expires_at: datetime


async def preferences_of(connection: AsyncConnection[Row], user_id: int) -> PreferencesRow:
    """The person's preferences; the defaults if none were set."""
    sql = "select preferences, version from communication_recipients where user_id = %s"
    row = await (await connection.execute(sql, (user_id,))).fetchone()
    if row is None:
        return PreferencesRow(DEFAULTS, 0)
    preferences, version = row
    return PreferencesRow(DEFAULTS if preferences is None else Preferences.model_validate(preferences), version)


async def pending_verifications(connection: AsyncConnection[Row], phone_number: str) -> list[PendingVerification]:
    """The pending verifications of this number, the latest first."""
    sql = """
        select user_id, verification_id, verification_expires_at from communication_recipients
         where pending_phone = %s and verification_id is not null order by verification_expires_at desc, user_id
    """
    return [PendingVerification(*row) for row in await (await connection.execute(sql, (phone_number,))).fetchall()]


BEHIND_MARK = """
    select user_id from communication_recipients
     where %(mark)s in (encode(sha256(%(salt)s || convert_to(phone, 'UTF8')), 'hex'),
                        encode(sha256(%(salt)s || convert_to(pending_phone, 'UTF8')), 'hex'))
     order by user_id
"""


async def users_with_mark(connection: AsyncConnection[Row], salt: bytes, mark: str) -> list[int]:
    """The users of a number that is known by its mark only: the hex SHA-256 of salt and number.

    Scans every row, as no index can contain the salt. See `users_with_phone`.
    """
    rows = await (await connection.execute(BEHIND_MARK, {"salt": salt, "mark": mark})).fetchall()
    return [user_id for (user_id,) in rows]


async def users_with_phone(connection: AsyncConnection[Row], phone_number: str) -> list[int]:
    """The users with this number, verified or pending."""
    sql = "select user_id from communication_recipients where phone = %s or pending_phone = %s order by user_id"
    rows = await (await connection.execute(sql, (phone_number, phone_number))).fetchall()
    return [user_id for (user_id,) in rows]
