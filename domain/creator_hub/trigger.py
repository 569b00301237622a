"""A rule's trigger for one member: once in a spell of inactivity, its actions, and its success."""

from __future__ import annotations

from domain.creator_hub.kinds import OfMember, derived_id
from domain.messages import Instant


class OfTrigger(OfMember):
    rule_id: str
    trigger_id: str


class RuleTriggered(OfTrigger, name="creator_hub.member.rule_triggered.v1"):
    """The rule acts in this spell of inactivity, which began with the message at `spell`."""

    channel_id: str
    spell: Instant
    delays: tuple[float, ...]
    """Seconds until each action, by its number."""


class RuleSkipped(OfTrigger, name="creator_hub.member.rule_skipped.v1"):
    """The rule would have acted in this spell, and does not."""

    spell: Instant
    reason: str


class ActionSkipped(OfTrigger, name="creator_hub.member.action_skipped.v1"):
    action: int
    reason: str


class EngagementSucceeded(OfTrigger, name="creator_hub.member.engagement_succeeded.v1"):
    """The member wrote within 24 hours of the trigger. `seconds` lie between."""

    triggered_at: Instant
    seconds: float


TriggerEvent = RuleTriggered | RuleSkipped | ActionSkipped | EngagementSucceeded


def action_message_id(trigger_id: str, action: int) -> str:
    """The id of the message that an action of a trigger sends."""
    return derived_id("action", trigger_id, action)
