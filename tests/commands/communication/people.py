"""People and messages to tell stories with: Ada, who is user 7, and the commands and events around her."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from commands.communication.consent import GrantEmailConsent, GrantSmsConsent, VerifyPhone
from commands.communication.message import CancelMessage, DispatchMessage, RequestMessage
from commands.communication.wiring import COMMUNICATION
from domain.communication.budget import BudgetUsage, Limits
from domain.communication.consent import (
    AddressSuppressed,
    ConsentGranted,
    ConsentRevoked,
    OptedOut,
    OptOutSource,
    SmsConsentRequested,
)
from domain.communication.decision import Decision
from domain.communication.kinds import ALL_TYPES, Channel, Priority, TriggerType, Wish
from domain.communication.message import MessageDispatched, MessageRequested
from domain.communication.preferences import Preferences
from domain.communication.recipient import PreferencesUpdated, RecipientContacted
from streams.testing import Scenario

NOW = datetime(2025, 1, 27, 10, tzinfo=UTC)
"""A Monday morning."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ADA = 7
MESSAGE = UUID(int=1)
VERIFICATION = UUID(int=2)
PHONE = "+15005550006"
ADDRESS = "ada@example.com"
ALERT = TriggerType.FINANCIAL_ALERT
REPORT = TriggerType.MONTHLY_REPORT
STORY = Scenario(COMMUNICATION)
LIMITS = Limits()


def agreed(channel: Channel, types: tuple[TriggerType, ...] = ALL_TYPES, **more: Any) -> ConsentGranted:
    address = PHONE if channel is Channel.SMS else ADDRESS
    given: dict[str, Any] = {
        "address": address,
        "source": "web_form",
        "message_types": types,
        "new_address": True,
    } | more
    return ConsentGranted(at=NOW - DAY, user_id=ADA, channel=channel, **given)


def asked_for_code(at: datetime = NOW) -> SmsConsentRequested:
    return SmsConsentRequested(
        at=at,
        user_id=ADA,
        verification_id=VERIFICATION,
        message_types=ALL_TYPES,
        phone_number=PHONE,
        source="web_form",
        expires_at=at + timedelta(minutes=10),
    )


def opted_out(channel: Channel, types: tuple[TriggerType, ...] = ALL_TYPES) -> OptedOut:
    return OptedOut(
        at=NOW - HOUR, user_id=ADA, channel=channel, message_types=types, reason="too_frequent", source=OptOutSource.API
    )


def stopped(source: OptOutSource = OptOutSource.KEYWORD, at: datetime = NOW - HOUR) -> OptedOut:
    """A STOP, by text or as the provider tells it."""
    return OptedOut(
        at=at, user_id=ADA, channel=Channel.SMS, message_types=ALL_TYPES, reason="stop keyword", source=source
    )


def revoked(channel: Channel, types: tuple[TriggerType, ...] = ALL_TYPES) -> ConsentRevoked:
    return ConsentRevoked(at=NOW - HOUR, user_id=ADA, channel=channel, message_types=types, reason="user_request")


def bounced(channel: Channel) -> AddressSuppressed:
    return AddressSuppressed(at=NOW - HOUR, user_id=ADA, channel=channel, reason="mailbox gone")


def wants(**preferences: Any) -> PreferencesUpdated:
    return PreferencesUpdated(at=NOW - HOUR, user_id=ADA, preferences=Preferences(**preferences))


def contacted(at: datetime) -> RecipientContacted:
    return RecipientContacted(at=at, user_id=ADA, message_id=UUID(int=99))


def ask(**more: Any) -> RequestMessage:
    given: dict[str, Any] = {
        "at": NOW,
        "message_id": MESSAGE,
        "user_id": ADA,
        "trigger_type": ALERT,
        "data": {"amount": 100.5},
        "wish": Wish.SMS,
        "priority": Priority.CRITICAL,
        "usage": BudgetUsage(day=NOW.date()),
        "limits": LIMITS,
    }
    return RequestMessage(**given | more)


def requested(**more: Any) -> MessageRequested:
    """A message that waits for an hour from now."""
    given: dict[str, Any] = {
        "at": NOW,
        "message_id": MESSAGE,
        "user_id": ADA,
        "trigger_type": ALERT,
        "priority": Priority.CRITICAL,
        "wish": Wish.SMS,
        "channels": (Channel.SMS,),
        "fallback": False,
        "due_at": NOW + HOUR,
        "data": {"amount": 100.5},
        "segments": 1,
        "cost": 5_000_000,
        "limits": LIMITS,
        "decision": Decision(verdict="allow", channels=(Channel.SMS,)),
    }
    return MessageRequested(**given | more)


def dispatched(channel: Channel = Channel.SMS, **more: Any) -> MessageDispatched:
    given: dict[str, Any] = {
        "at": NOW,
        "message_id": MESSAGE,
        "user_id": ADA,
        "channel": channel,
        "fallback": False,
        "trigger_type": ALERT,
        "priority": Priority.CRITICAL,
        "to": PHONE if channel is Channel.SMS else ADDRESS,
        "data": {"amount": 100.5},
        "template": "financial_alert/1",
        "segments": 1,
        "cost": 5_000_000 if channel is Channel.SMS else 100_000,
        "day": NOW.date(),
        "limits": LIMITS,
        "decision": Decision(verdict="allow", channels=(channel,)),
    }
    return MessageDispatched(**given | more)


def due(reserved: int = 5_000_000, **more: Any) -> DispatchMessage:
    given: dict[str, Any] = {
        "at": NOW + HOUR,
        "message_id": MESSAGE,
        "user_id": ADA,
        "usage": BudgetUsage(day=NOW.date()),
        "reserved": reserved,
    }
    return DispatchMessage(**given | more)


def cancel() -> CancelMessage:
    return CancelMessage(at=NOW, message_id=MESSAGE, user_id=ADA)


def sms_consent(user_id: int, verification_id: UUID) -> tuple[GrantSmsConsent, VerifyPhone]:
    """Double opt-in to texts of every kind."""
    phone = f"+1500555{user_id:04}"
    return (
        GrantSmsConsent(at=NOW, user_id=user_id, verification_id=verification_id, phone_number=phone, source="web"),
        VerifyPhone(at=NOW, user_id=user_id, verification_id=verification_id, correct=True),
    )


def mail_consent(user_id: int, types: tuple[TriggerType, ...] = ALL_TYPES) -> GrantEmailConsent:
    """Consent to e-mail of these kinds."""
    address = f"user{user_id}@example.com"
    return GrantEmailConsent(at=NOW, user_id=user_id, address=address, message_types=types, source="api")
