"""A rule and one member: whether it acts in this spell of inactivity, and its actions, each decided when it is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from commands.creator_hub.dispatch import OUTSIDE_WINDOW, Outgoing, queued, refusal, template_needed
from commands.creator_hub.member import OfMember
from domain.creator_hub.channel import Channel, Template
from domain.creator_hub.conditions import is_number
from domain.creator_hub.kinds import derived_id
from domain.creator_hub.member import Member, MemberEvent
from domain.creator_hub.message import Cause, CauseKind, Message, MessageEvent, MessagePhase
from domain.creator_hub.placeholders import filled
from domain.creator_hub.rule import Rule, RuleCreated
from domain.creator_hub.trigger import ActionSkipped, RuleSkipped, RuleTriggered, action_message_id
from domain.messages import Instant

SEND_MESSAGE = "send_message"
MINUTE_SECONDS = 60.0


class TriggerRule(OfMember, name="creator_hub.member.trigger_rule.v1", key="creator_id"):
    """Let the rule act, if the member has not written since `spell`."""

    rule_id: str
    channel_id: str
    spell: Instant


class TakeAction(OfMember, name="creator_hub.member.take_action.v1", key="creator_id"):
    """Take one action of a trigger; they count from 0."""

    rule_id: str
    trigger_id: str
    channel_id: str
    spell: Instant
    action: int

    @property
    def message_id(self) -> str:
        """The id of the message that the action sends."""
        return action_message_id(self.trigger_id, self.action)


def trigger(command: TriggerRule, member: Member, rule: Rule, channel: Channel) -> Sequence[MemberEvent]:
    """The read model that found the member may be behind: the member's own state has the last word."""
    created, last = rule.created, member.last_active_at
    if created is None or created.threshold_seconds is None or last is None or last != command.spell:
        return []
    if (command.at - last).total_seconds() < created.threshold_seconds or member.spells.get(command.rule_id) == last:
        return []
    about = command.model_dump(include={"at", "creator_id", "user_id", "rule_id", "spell"})
    trigger_id = derived_id("trigger", command.user_id, command.rule_id, command.spell.isoformat())
    reason = _reason(command, member, channel)
    if reason is not None:
        return [RuleSkipped(**about, trigger_id=trigger_id, reason=reason)]
    delays = tuple(delay_of(action) for action in created.actions)
    return [RuleTriggered(**about, trigger_id=trigger_id, channel_id=member.channel_id, delays=delays)]


def _reason(command: TriggerRule, member: Member, channel: Channel) -> str | None:
    if (reason := refusal(member)) is not None:
        return reason
    if member.channel_id != command.channel_id or not channel.is_active:
        return "channel_inactive"
    return OUTSIDE_WINDOW if template_needed(member, channel, command.at) == OUTSIDE_WINDOW else None


def delay_of(action: Mapping[str, Any]) -> float:
    """Seconds until an action, from its `delay_minutes`."""
    minutes = action.get("delay_minutes")
    return minutes * MINUTE_SECONDS if is_number(minutes) and minutes > 0 else 0.0


def take_action(
    command: TakeAction, member: Member, rule: Rule, channel: Channel, message: Message
) -> Sequence[MemberEvent | MessageEvent]:
    created = rule.created
    if created is None or command.action >= len(created.actions) or message.phase is not MessagePhase.ABSENT:
        return []
    return list(_taken(command, member, created, channel))


def _taken(
    command: TakeAction, member: Member, rule: RuleCreated, channel: Channel
) -> Iterator[MemberEvent | MessageEvent]:
    action = rule.actions[command.action]
    text = filled(str(action.get("message_template", "")), member.profile).strip()
    template = template_needed(member, channel, command.at)
    reasons = {
        "member_wrote": member.last_active_at != command.spell,
        refusal(member) or "": refusal(member) is not None,
        "unknown_type": action.get("type") != SEND_MESSAGE,
        "empty_message": not text,
        OUTSIDE_WINDOW: template == OUTSIDE_WINDOW,
    }
    reason = next((reason for reason, holds in reasons.items() if holds), None)
    if reason is not None:
        about = command.model_dump(include={"at", "creator_id", "user_id", "rule_id", "trigger_id", "action"})
        yield ActionSkipped(**about, reason=reason)
        return
    cause = Cause(kind=CauseKind.RULE, rule_id=command.rule_id, trigger_id=command.trigger_id, action=command.action)
    form = template if isinstance(template, Template) else None
    outgoing = Outgoing(command.at, command.creator_id, command.user_id, command.message_id, text, cause, form)
    yield from queued(outgoing, member)
