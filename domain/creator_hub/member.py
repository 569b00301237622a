"""A member: one person at one address of one type of channel, what they wrote, and what is done in the creator's name.

The id is a mark of creator, type and address, made at the edge with the installation's secret: there is one person per
address, without a race, and an erased number cannot be found again by hashing all numbers.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel, ConfigDict, JsonValue

from domain.creator_hub.kinds import ChannelType, OfMember, derived_id
from domain.creator_hub.reply import ReplyComposed, ReplyDiscarded, ReplyEvent, ReplyRequested, ReplySkipped, Unanswered
from domain.creator_hub.trigger import ActionSkipped, EngagementSucceeded, RuleSkipped, RuleTriggered, TriggerEvent
from domain.messages import Instant, Personal

SUCCESS_WITHIN = timedelta(hours=24)
"""A message of the member so soon after a rule's trigger is its success."""


class Awaiting(BaseModel):
    """A step of a program that waits for a reply. `held`: it is to be sent then. `rating`: a number is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    program_id: str
    n: int
    flow_id: str
    held: bool
    rating: bool


class MemberRegistered(OfMember, name="creator_hub.member.registered.v1"):
    """The first message of an address. `programs` are those that enrol newcomers."""

    channel_id: str
    channel_type: ChannelType
    address: Personal[str]
    member_name: Personal[str]
    language: str
    programs: tuple[str, ...]


class MessageReceived(OfMember, name="creator_hub.member.message_received.v1"):
    """A message of the member. `said_at` is the provider's time, clipped; our own is `at`.

    `content` is `text`, or the provider's word for what is none. `rating` is 1 to 5 where the text is one. `activity`
    is the member's, halved every seven days, with this message. `awaited_by` are the steps that wait for a reply.
    """

    message_id: str
    channel_id: str
    channel_type: ChannelType
    provider_id: str
    content: str
    text: Personal[str]
    rating: int | None
    activity: float
    awaited_by: tuple[Awaiting, ...]
    first_on_channel: bool
    said_at: Instant


class ReplyAwaited(OfMember, name="creator_hub.member.awaited.v1"):
    """A step of a program waits for the member's next message."""

    awaiting: Awaiting


class ProfileUpdated(OfMember, name="creator_hub.member.profile_updated.v1"):
    """The profile, whole, from here on."""

    channel_type: ChannelType
    profile: Personal[dict[str, JsonValue]]
    time_zone: str
    language: str


class OptOutSource(StrEnum):
    """WORD: the member wrote a stop word. BLOCKED: the member has blocked the sender, or cannot be reached there."""

    WORD = "word"
    BLOCKED = "blocked"


class OptedOut(OfMember, name="creator_hub.member.opted_out.v1"):
    """Nothing goes out from here on that the member has not asked for."""

    source: OptOutSource
    message_id: str | None


class OptedIn(OfMember, name="creator_hub.member.opted_in.v1"):
    message_id: str


class WindowClosed(OfMember, name="creator_hub.member.window_closed.v1"):
    """The provider says that the time for free messages is over; the member's next message opens it."""

    channel_id: str


class EscalationReason(StrEnum):
    """WORDS: the member asked for a person. FLOW: a step of a program."""

    WORDS = "words"
    FLOW = "flow"


class Escalated(OfMember, name="creator_hub.member.escalated.v1"):
    """A person is wanted: replies by a model pause. `number` counts the member's escalations."""

    number: int
    channel_type: ChannelType
    reason: EscalationReason
    message_id: str | None


class ResolvedBy(StrEnum):
    REQUEST = "request"
    TIME = "time"


class EscalationResolved(OfMember, name="creator_hub.member.escalation_resolved.v1"):
    number: int
    by: ResolvedBy


class BadgeEarned(OfMember, name="creator_hub.member.badge_earned.v1"):
    badge_id: str
    badge_name: str
    program_id: str


MemberEvent = (
    MemberRegistered
    | MessageReceived
    | ReplyAwaited
    | ProfileUpdated
    | OptedOut
    | OptedIn
    | WindowClosed
    | Escalated
    | EscalationResolved
    | ReplyEvent
    | BadgeEarned
    | TriggerEvent
)


class Trigger(BaseModel):
    """A rule's trigger that the member has not answered yet."""

    model_config = ConfigDict(frozen=True)

    rule_id: str
    trigger_id: str
    at: Instant


class Member(BaseModel):
    """The state of a member, as far as decisions depend on it.

    `open_reply` is the one reply that a model is asked for; `unanswered` are the messages that came meanwhile, and
    `stopped` says that one of them was a stop word.
    `spells` holds, by rule, the spell that it has acted or was skipped in. `triggers` are those of the last 24 hours.
    """

    model_config = ConfigDict(frozen=True)

    registered: bool = False
    channel_id: str = ""
    channel_type: ChannelType = ChannelType.WEB
    channels: tuple[str, ...] = ()
    address: str | None = None
    profile: dict[str, JsonValue] = {}
    time_zone: str = "UTC"
    language: str = "en"
    last_active_at: Instant | None = None
    activity: float = 0.0
    opted_out: bool = False
    blocked: bool = False
    window_open: bool = False
    escalation: int = 0
    escalated: bool = False
    awaiting: tuple[Awaiting, ...] = ()
    open_reply: str | None = None
    asked_at: Instant | None = None
    stopped: bool = False
    unanswered: tuple[Unanswered, ...] = ()
    spells: dict[str, Instant] = {}
    triggers: tuple[Trigger, ...] = ()
    badges: tuple[str, ...] = ()

    @property
    def is_reachable(self) -> bool:
        """Whether anything may go out that the member has not asked for."""
        return self.registered and not self.opted_out and not self.blocked


def message_id(user_id: str, provider_id: str) -> str:
    """The id of a member's message, from the provider's."""
    return derived_id("message", user_id, provider_id)


def evolve(member: Member, event: MemberEvent) -> Member:
    match event:
        case MemberRegistered():
            return _registered(event)
        case MessageReceived():
            return _received(member, event)
        case ReplyAwaited():
            others = (one for one in member.awaiting if one.program_id != event.awaiting.program_id)
            return member.model_copy(update={"awaiting": (*others, event.awaiting)})
        case ProfileUpdated():
            profile = {"profile": event.profile or {}, "time_zone": event.time_zone, "language": event.language}
            return member.model_copy(update=profile)
        case OptedOut() | OptedIn() | WindowClosed() | Escalated() | EscalationResolved():
            return member.model_copy(update=_changed(event))
        case ReplyRequested() | ReplySkipped() | ReplyComposed() | ReplyDiscarded():
            return _replied(member, event)
        case BadgeEarned():
            return member.model_copy(update={"badges": (*member.badges, event.badge_id)})
        case RuleTriggered() | RuleSkipped() | ActionSkipped() | EngagementSucceeded():
            return _triggered(member, event)
        case _:
            assert_never(event)


def _registered(event: MemberRegistered) -> Member:
    name = event.member_name
    return Member(
        registered=True,
        channel_type=event.channel_type,
        address=event.address,
        profile={"name": name} if name else {},
        language=event.language,
    )


def _received(member: Member, event: MessageReceived) -> Member:
    channels = member.channels if event.channel_id in member.channels else (*member.channels, event.channel_id)
    heard = {"channel_id": event.channel_id, "channels": channels, "last_active_at": event.at}
    open_again = {"activity": event.activity, "window_open": True, "blocked": False, "awaiting": ()}
    unanswered = member.unanswered
    if member.open_reply is not None and event.text:
        unanswered = (*unanswered, Unanswered(message_id=event.message_id, text=event.text, at=event.at))
    return member.model_copy(update=heard | open_again | {"unanswered": unanswered})


def _changed(event: OptedOut | OptedIn | WindowClosed | Escalated | EscalationResolved) -> dict[str, bool | int]:
    match event:
        case OptedOut(source=OptOutSource.BLOCKED):
            return {"blocked": True}
        case OptedOut():
            return {"opted_out": True, "stopped": True}
        case OptedIn():
            return {"opted_out": False, "blocked": False}
        case WindowClosed():
            return {"window_open": False}
        case Escalated():
            return {"escalated": True, "escalation": event.number}
        case EscalationResolved():
            return {"escalated": False}
        case _:
            assert_never(event)


def _replied(member: Member, event: ReplyEvent) -> Member:
    if event.cause.program_id is not None:  # a step's reply is the enrolment's matter
        return member
    if isinstance(event, ReplyRequested):
        opened = {"open_reply": event.reply_id, "asked_at": event.asked_at, "unanswered": (), "stopped": False}
        return member.model_copy(update=opened)
    if event.reply_id is None or event.reply_id != member.open_reply:
        return member
    return member.model_copy(update={"open_reply": None})


def _triggered(member: Member, event: TriggerEvent) -> Member:
    match event:
        case RuleTriggered():
            trigger = Trigger(rule_id=event.rule_id, trigger_id=event.trigger_id, at=event.at)
            young = (one for one in member.triggers if event.at - one.at <= SUCCESS_WITHIN)
            spells = member.spells | {event.rule_id: event.spell}
            return member.model_copy(update={"spells": spells, "triggers": (*young, trigger)})
        case RuleSkipped():
            return member.model_copy(update={"spells": member.spells | {event.rule_id: event.spell}})
        case EngagementSucceeded():
            left = tuple(one for one in member.triggers if one.trigger_id != event.trigger_id)
            return member.model_copy(update={"triggers": left})
        case ActionSkipped():
            return member
        case _:
            assert_never(event)
