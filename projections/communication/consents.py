"""Changes of consent, one row per person, message type and change: the proof of a consent, with its time and source.

`version` is that of the event in the recipient's stream; `status` is granted, pending, revoked, opted_out or
suppressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never
from uuid import UUID

from psycopg import AsyncConnection

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
)
from domain.communication.events import CommunicationEvent
from domain.communication.kinds import ALL_TYPES, Channel, TriggerType
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
            yield from _changes(fact, event.record.version)


def _changes(fact: RecipientEvent, version: int) -> Iterator[Change]:
    change = _change(fact)
    if change is not None:
        channel, types, columns = change
        for type_ in types:
            yield put(fact.user_id, version, channel.value, type_.value, at=fact.at, **columns)


def _change(fact: RecipientEvent) -> tuple[Channel, tuple[TriggerType, ...], dict[str, object]] | None:
    match fact:
        case SmsConsentRequested():
            return Channel.SMS, fact.message_types, _proof(fact, "pending", fact.phone_number)
        case ConsentGranted():
            return fact.channel, fact.message_types, _proof(fact, "granted", fact.address)
        case ConsentRevoked():
            return fact.channel, fact.message_types, {"status": "revoked", "reason": fact.reason}
        case OptedOut():
            opted_out: dict[str, object] = {"status": "opted_out", "reason": fact.reason, "source": fact.source.value}
            return fact.channel, fact.message_types, opted_out
        case AddressSuppressed():
            return fact.channel, ALL_TYPES, {"status": "suppressed", "reason": fact.reason, "source": "provider"}
        case PreferencesUpdated() | PreferencesReset() | RecipientContacted() | ContactWithdrawn():
            return None
        case InboundSmsReceived() | AddressReported():
            return None
        case VerificationCodeSent() | VerificationCodeFailed() | PhoneVerificationFailed() | PhoneNumberVerified():
            return None  # a ConsentGranted follows a verification
        case _:
            assert_never(fact)


def _proof(fact: SmsConsentRequested | ConsentGranted, status: str, address: str | None) -> dict[str, object]:
    return {
        "status": status,
        "source": fact.source,
        "address": address,
        "ip": fact.ip,
        "user_agent": fact.user_agent,
        "shown": fact.text,
        "verification_id": fact.verification_id,
    }


CONSENTS = ReadModel(
    "communication_consents",
    version=1,
    key=("user_id", "version", "channel", "message_type"),
    project=project,
    subject="user_id",
    personal=("address", "ip", "user_agent", "reason", "source", "shown"),
    ddl="""
    create table {table} (
        user_id             bigint not null,
        version             bigint not null,
        channel             text not null,
        message_type        text not null,
        at                  timestamptz not null,
        status              text not null,
        reason              text,
        source              text,
        address             text,
        ip                  text,
        user_agent          text,
        shown               text,
        verification_id     uuid,
        primary key (user_id, version, channel, message_type)
    );
""",
)


class ConsentRow(NamedTuple):
    """One change. Personal values are None once the person has been erased."""

    version: int
    channel: str
    message_type: str
    at: datetime
    status: str
    reason: str | None
    source: str | None
    address: str | None
    ip: str | None
    user_agent: str | None
    shown: str | None
    verification_id: UUID | None


async def consent_history(connection: AsyncConnection[Row], user_id: int) -> list[ConsentRow]:
    """Every change of a person's consent, the oldest first."""
    sql = """
        select version, channel, message_type, at, status, reason, source, address, ip, user_agent, shown,
               verification_id
          from communication_consents where user_id = %s order by version, channel, message_type
    """
    return [ConsentRow(*row) for row in await (await connection.execute(sql, (user_id,))).fetchall()]
