"""Why a message of a member was answered or not, and why one to a member was sent or not.

What was not sent is known by the id of the message that it would have been, and a rule that was skipped by that of its
trigger.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from domain.creator_hub.enrollment import OfStep, enrollment_id
from domain.creator_hub.events import EVENTS
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.member import MessageReceived
from domain.creator_hub.message import OfMessage
from domain.creator_hub.reply import Citation, ReplyComposed, ReplyDiscarded, ReplyRequested, ReplySkipped, Usage
from domain.messages import Event
from projections.creator_hub.messages import InteractionType
from projections.creator_hub.replies import ReplyStatus
from projections.creator_hub.steps import StepStatus
from projections.journal import Link, Readable, link, read_stream
from streams.core.read_models import Row

WINDOW = timedelta(hours=24)
"""How long after a member's message WhatsApp takes free ones."""

SKIPPED = "skipped"


class Window(NamedTuple):
    """The member's last message before, whether a free message might go out, and the template that was used."""

    last_message_at: datetime | None
    was_open: bool
    template: str | None


class StepFacts(NamedTuple):
    """A step of a program. `reason` says why it is held, was skipped or failed."""

    program_id: str
    program_name: str
    flow_id: str
    version: int
    n: int
    node: str
    kind: str
    due_at: datetime
    status: StepStatus
    reason: str | None


class ReplyFacts(NamedTuple):
    """A reply by a model. `reason` says why there is none."""

    reply_id: str
    message_ids: Sequence[str]
    status: ReplyStatus
    reason: str | None
    knowledge_base_ids: Sequence[str]
    citations: Sequence[Citation]
    prompt_version: str | None
    model: str | None
    usage: Usage | None


class RuleFacts(NamedTuple):
    """A rule's trigger, in the spell of inactivity that began with the message at `spell`."""

    rule_id: str
    rule_name: str
    trigger_id: str
    action: int | None
    triggered_at: datetime
    spell: datetime


class Explanation(NamedTuple):
    """The facts. `code` is why it was not sent, or not answered; `reason` are the provider's words.

    `history` are the events about it, the oldest first.
    """

    interaction_id: str
    type: InteractionType
    status: str
    code: str | None
    reason: str | None
    channel_type: ChannelType
    at: datetime
    window: Window
    step: StepFacts | None = None
    reply: ReplyFacts | None = None
    rule: RuleFacts | None = None
    history: Sequence[Link] = ()


MESSAGE = """
    select type, phase, coalesce(unanswered, code), reason, channel_type, at, template, cause, reply_id
      from creator_hub_messages where creator_id = %(creator_id)s and user_id = %(user_id)s and message_id = %(id)s
"""

STEP = """
    select p.program_id, p.program_name, e.flow_id, e.flow_version, s.n, s.node, s.kind, s.due_at, s.status, s.reason,
           m.channel_type, coalesce(s.settled_at, s.scheduled_at)
      from creator_hub_steps s
      join creator_hub_enrollments e using (enrollment_id)
      join creator_hub_programs p on p.program_id = s.program_id
      join creator_hub_members m on m.user_id = s.user_id
     where s.creator_id = %(creator_id)s and s.user_id = %(user_id)s
"""

REPLY = """
    select reply_id, cause, status, reason, knowledge_base_ids, citations, prompt_version, model, usage
      from creator_hub_replies where creator_id = %(creator_id)s and user_id = %(user_id)s and reply_id = %(reply_id)s
"""

RULE = """
    select r.rule_id, r.rule_name, t.trigger_id, a.action, t.at, t.spell, coalesce(a.skip_reason, t.skip_reason),
           m.channel_type, coalesce(a.skipped_at, t.at)
      from creator_hub_triggers t
      join creator_hub_rules r using (rule_id)
      join creator_hub_members m on m.user_id = t.user_id
      left join creator_hub_trigger_actions a on a.trigger_id = t.trigger_id and a.message_id = %(id)s
     where t.creator_id = %(creator_id)s and t.user_id = %(user_id)s
"""

SKIPPED_ACTION = "and a.message_id is not null"
SKIPPED_RULE = "and t.trigger_id = %(id)s and t.skip_reason is not null"
OF_TRIGGER = "and t.trigger_id = %(trigger_id)s"

LAST_MESSAGE = """
    select max(at) from creator_hub_messages
     where creator_id = %(creator_id)s and user_id = %(user_id)s and type = 'message_received' and at <= %(at)s
       and message_id <> %(id)s
"""


class _Place(NamedTuple):
    """What is asked about."""

    creator_id: str
    user_id: str
    id: str


async def explanation_of(
    connection: AsyncConnection[Row], creator_id: str, user_id: str, interaction_id: str
) -> Explanation | None:
    """The explanation of an interaction, or of one that did not come about; None if the member has no such one."""
    place = _Place(creator_id, user_id, interaction_id)
    row = await _one(connection, MESSAGE, place)
    if row is not None:
        return await _explained(connection, place, row)
    row = await _one(connection, f"{STEP} and s.message_id = %(id)s", place)
    if row is not None:
        return await _without_message(connection, place, row)
    skipped = await _one(connection, f"{RULE} {SKIPPED_ACTION}", place)
    skipped = skipped or await _one(connection, f"{RULE} {SKIPPED_RULE}", place)
    return None if skipped is None else await _skipped(connection, place, skipped)


async def _explained(connection: AsyncConnection[Row], place: _Place, row: Row) -> Explanation:
    type_, phase, code, reason, channel_type, at, template, cause, reply_id = row
    given: dict[str, Any] = cause or {}
    window = await _window(connection, place, channel_type, at, template)
    about = (phase, code, reason, ChannelType(channel_type), at, window)
    step, reply = given.get("program_id"), given.get("reply_id") or reply_id
    return Explanation(
        place.id,
        InteractionType(type_),
        *about,
        step=await _step(connection, place, given) if step else None,
        reply=await _reply(connection, place, reply) if reply else None,
        rule=await _rule(connection, place, given) if given.get("trigger_id") else None,
        history=await _history(connection, place, InteractionType(type_)),
    )


async def _without_message(connection: AsyncConnection[Row], place: _Place, row: Row) -> Explanation:
    """A step that has sent nothing, or not yet."""
    *_, channel_type, at = row
    step = _step_facts(row)
    window = await _window(connection, place, channel_type, at, None)
    about = (step.status.value, step.reason, None, ChannelType(channel_type), at, window)
    stream = f"enrollment/{place.creator_id}/{place.user_id}/{step.program_id}"
    history = [
        link(one)
        for one in await read_stream(connection, READABLE, stream)
        if isinstance(one.fact, OfStep) and one.fact.n == step.n
    ]
    return Explanation(place.id, InteractionType.SENT, *about, step=step, history=history)


async def _skipped(connection: AsyncConnection[Row], place: _Place, row: Row) -> Explanation:
    *_, code, channel_type, at = row
    window = await _window(connection, place, channel_type, at, None)
    about = (SKIPPED, code, None, ChannelType(channel_type), at, window)
    return Explanation(place.id, InteractionType.SENT, *about, rule=RuleFacts(*row[:6]))


async def _window(
    connection: AsyncConnection[Row], place: _Place, channel_type: str, at: datetime, template: str | None
) -> Window:
    row = await _one(connection, LAST_MESSAGE, place, at=at)
    last: datetime | None = None if row is None else row[0]
    was_open = channel_type != ChannelType.WHATSAPP or (last is not None and at - last < WINDOW)
    return Window(last, was_open, template)


async def _step(connection: AsyncConnection[Row], place: _Place, cause: dict[str, Any]) -> StepFacts | None:
    enrollment = enrollment_id(place.user_id, cause["program_id"])
    sql = f"{STEP} and s.enrollment_id = %(enrollment_id)s and s.n = %(n)s"
    row = await _one(connection, sql, place, enrollment_id=enrollment, n=cause.get("n"))
    return None if row is None else _step_facts(row)


def _step_facts(row: Row) -> StepFacts:
    found = StepFacts(*row[:10])
    return found._replace(status=StepStatus(found.status))


async def _reply(connection: AsyncConnection[Row], place: _Place, reply_id: str) -> ReplyFacts | None:
    row = await _one(connection, REPLY, place, reply_id=reply_id)
    if row is None:
        return None
    found = ReplyFacts(*row)
    cause: Any = found.message_ids
    return found._replace(
        message_ids=cause["message_ids"],
        status=ReplyStatus(found.status),
        citations=[Citation.model_validate(one) for one in found.citations],
        usage=None if found.usage is None else Usage.model_validate(found.usage),
    )


async def _rule(connection: AsyncConnection[Row], place: _Place, cause: dict[str, Any]) -> RuleFacts | None:
    row = await _one(connection, f"{RULE} {OF_TRIGGER}", place, trigger_id=cause["trigger_id"])
    return None if row is None else RuleFacts(*row[:6])._replace(action=cause.get("action"))


async def _one(connection: AsyncConnection[Row], sql: str, place: _Place, **more: object) -> Row | None:
    return await (await connection.execute(sql, place._asdict() | more)).fetchone()


READABLE = Readable("creator_hub", {event.name: event for event in EVENTS})
ANSWERS = (MessageReceived, ReplyRequested, ReplySkipped, ReplyComposed, ReplyDiscarded)


async def _history(connection: AsyncConnection[Row], place: _Place, type_: InteractionType) -> list[Link]:
    """The events of a message to the member, or those of the member about one that was received."""
    if type_ is InteractionType.SENT:
        written = await read_stream(connection, READABLE, f"message/{place.creator_id}/{place.id}")
        return [link(one) for one in written if isinstance(one.fact, OfMessage)]
    others = tuple(event for event in EVENTS if event not in ANSWERS)
    written = await read_stream(connection, READABLE, f"member/{place.creator_id}/{place.user_id}", without=others)
    return [link(one) for one in written if _is_about(one.fact, place.id)]


def _is_about(fact: Event, message_id: str) -> bool:
    match fact:
        case MessageReceived():
            return fact.message_id == message_id
        case ReplyRequested() | ReplySkipped() | ReplyComposed() | ReplyDiscarded():
            return message_id in fact.cause.message_ids
        case _:
            return False
