"""One row per person: preferences, addresses, and a pending verification.

Beside each address stands its canonical spelling (`domain.communication.addresses`), by which its owners are found.
`version` is that of the recipient's stream after the last change of the row. A person without a row has the default
preferences.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never
from uuid import UUID

from psycopg import AsyncConnection

from domain.communication.addresses import canonical, canonical_number
from domain.communication.consent import (
    AddressReported,
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
    ContactWithdrawn,
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
                "pending_phone_key": _key(Channel.SMS, fact.phone_number),
                "verification_id": fact.verification_id,
                "verification_expires_at": fact.expires_at,
            }
        case PhoneNumberVerified():
            return NOTHING_PENDING
        case OptedOut() | ConsentRevoked():
            return NOTHING_PENDING if ends_verification(fact) else {}
        case ConsentGranted():
            column = "phone" if fact.channel is Channel.SMS else "email"
            return {column: fact.address, f"{column}_key": _key(fact.channel, fact.address)}
        case VerificationCodeSent() | VerificationCodeFailed() | PhoneVerificationFailed():
            return {}
        case AddressSuppressed() | AddressReported() | InboundSmsReceived():
            return {}
        case RecipientContacted() | ContactWithdrawn():
            return {}
        case _:
            assert_never(fact)


def _key(channel: Channel, address: str | None) -> str | None:
    return None if address is None else canonical(channel, address)


NOTHING_PENDING: dict[str, object] = {
    "pending_phone": None,
    "pending_phone_key": None,
    "verification_id": None,
    "verification_expires_at": None,
}


RECIPIENTS = ReadModel(
    "communication_recipients",
    version=2,
    key=("user_id",),
    project=project,
    subject="user_id",
    personal=("phone", "email", "pending_phone", "phone_key", "email_key", "pending_phone_key"),
    ddl="""
    create table {table} (
        user_id                     bigint primary key,
        version                     bigint not null,
        updated_at                  timestamptz not null,
        preferences                 jsonb,
        phone                       text,
        email                       text,
        pending_phone               text,
        phone_key                   text,
        email_key                   text,
        pending_phone_key           text,
        verification_id             uuid,
        verification_expires_at     timestamptz
    );
    create index on {table} (phone) where phone is not null;
    create index on {table} (pending_phone) where pending_phone is not null;
    create index on {table} (phone_key) where phone_key is not null;
    create index on {table} (pending_phone_key) where pending_phone_key is not null;
    create index on {table} (verification_id) where verification_id is not null;
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
         where pending_phone_key = %s and verification_id is not null order by verification_expires_at desc, user_id
    """
    rows = await (await connection.execute(sql, (canonical_number(phone_number),))).fetchall()
    return [PendingVerification(*row) for row in rows]


async def verified_number(connection: AsyncConnection[Row], user_id: int) -> str | None:
    """The canonical spelling of the person's verified number; None without one."""
    sql = "select phone_key from communication_recipients where user_id = %s"
    row = await (await connection.execute(sql, (user_id,))).fetchone()
    return None if row is None else row[0]


async def user_verifying(connection: AsyncConnection[Row], verification_id: str) -> int | None:
    """The person whose pending verification has this id; None if there is none."""
    try:
        wanted = UUID(verification_id)
    except ValueError:
        return None
    sql = "select user_id from communication_recipients where verification_id = %s"
    row = await (await connection.execute(sql, (wanted,))).fetchone()
    return None if row is None else row[0]


MARKED = "encode(sha256(%(salt)s || convert_to({column}, 'UTF8')), 'hex')"
BEHIND_MARK = {
    Channel.SMS: f"""
    select user_id from communication_recipients
     where %(mark)s in ({MARKED.format(column="phone_key")}, {MARKED.format(column="pending_phone_key")})
     order by user_id
""",
    Channel.EMAIL: f"""
    select user_id from communication_recipients
     where {MARKED.format(column="email_key")} = %(mark)s order by user_id
""",
}


async def users_with_mark(connection: AsyncConnection[Row], channel: Channel, salt: bytes, mark: str) -> list[int]:
    """The users of an address that is known by its mark only: the hex SHA-256 of salt and canonical address.

    Scans every row, as no index can contain the salt. See `users_with_phone`.
    """
    rows = await (await connection.execute(BEHIND_MARK[channel], {"salt": salt, "mark": mark})).fetchall()
    return [user_id for (user_id,) in rows]


async def users_with_phone(connection: AsyncConnection[Row], phone_number: str) -> list[int]:
    """The users with this number, verified or pending."""
    sql = """
        select user_id from communication_recipients where phone_key = %(key)s or pending_phone_key = %(key)s
         order by user_id
    """
    rows = await (await connection.execute(sql, {"key": canonical_number(phone_number)})).fetchall()
    return [user_id for (user_id,) in rows]
