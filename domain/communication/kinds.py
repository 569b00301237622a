"""The vocabulary of the context: channels, trigger types, priorities."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Channel(StrEnum):
    """A way to reach a person."""

    SMS = "sms"
    EMAIL = "email"

    @property
    def other(self) -> Channel:
        """The channel to fall back to."""
        return Channel.EMAIL if self is Channel.SMS else Channel.SMS


class Wish(StrEnum):
    """The channels of a request: one, or both at once."""

    SMS = "sms"
    EMAIL = "email"
    BOTH = "both"

    @property
    def channels(self) -> tuple[Channel, ...]:
        return _WISHED[self]


BOTH_CHANNELS = (Channel.SMS, Channel.EMAIL)
_WISHED = {Wish.SMS: (Channel.SMS,), Wish.EMAIL: (Channel.EMAIL,), Wish.BOTH: BOTH_CHANNELS}


class Priority(StrEnum):
    """The urgency of a message. Critical passes frequency caps and quiet hours, never consent or opt-out."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class TriggerType(StrEnum):
    """The subject of a message. Consent and switches are kept per trigger type ("message type")."""

    FINANCIAL_ALERT = "financial_alert"
    PAYMENT_REMINDER = "payment_reminder"
    WEEKLY_CHECKIN = "weekly_checkin"
    MONTHLY_REPORT = "monthly_report"
    CAREER_INSIGHT = "career_insight"
    EDUCATIONAL_CONTENT = "educational_content"


ALL_TYPES = tuple(TriggerType)


class Trigger(NamedTuple):
    """The description of a trigger type, and its defaults for a request that leaves them out."""

    name: str
    description: str
    default_channel: Channel
    default_priority: Priority


TRIGGERS: dict[TriggerType, Trigger] = {
    TriggerType.FINANCIAL_ALERT: Trigger(
        "Financial Alert", "Critical financial notifications", Channel.SMS, Priority.CRITICAL
    ),
    TriggerType.PAYMENT_REMINDER: Trigger("Payment Reminder", "Payment due notifications", Channel.SMS, Priority.HIGH),
    TriggerType.WEEKLY_CHECKIN: Trigger(
        "Weekly Check-in", "Weekly look at goals and spending", Channel.EMAIL, Priority.MEDIUM
    ),
    TriggerType.MONTHLY_REPORT: Trigger(
        "Monthly Report", "Monthly summary of income, spending and savings", Channel.EMAIL, Priority.LOW
    ),
    TriggerType.CAREER_INSIGHT: Trigger(
        "Career Insight", "News that bears on career and income", Channel.EMAIL, Priority.LOW
    ),
    TriggerType.EDUCATIONAL_CONTENT: Trigger(
        "Educational Content", "Lessons and reading about money", Channel.EMAIL, Priority.LOW
    ),
}


TEMPLATE_VERSION = dict.fromkeys(TriggerType, 1)
"""The template version of each trigger type for new dispatches. A dispatched message keeps its version."""


def types_named(name: str) -> tuple[TriggerType, ...]:
    """The trigger types behind one name or `all`; raises ValueError for a name that is neither."""
    return ALL_TYPES if name == "all" else (TriggerType(name),)
