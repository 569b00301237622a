"""Endpoints of messages: send, batch, status, cancellation, action and explanation."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from api.actions import Action
from api.auth import Caller
from api.communication.dependencies import Dependencies, Own
from api.communication.errors import sentence
from api.communication.fields import Data, Instant, UserId
from api.errors import ApiError, FieldError, field_errors, invalid
from api.fields import Body
from api.routing import LeanRoute
from api.surface import Act, Read, may
from commands.communication.batch import RequestBatch
from commands.communication.delivery import RecordAction
from commands.communication.message import CancelMessage, RequestMessage
from content.communication import LONGEST_VALUE, lost_address, text_message
from content.communication.addresses import LONGEST_ADDRESS
from domain.communication.failure_reasons import reason_of
from domain.communication.kinds import TEMPLATE_VERSION, TRIGGERS, Channel, Priority, TriggerType, Wish
from domain.communication.message import MessageRequested, Status
from domain.money import dollars
from projections.communication.queries.explanation import ExplainedEvent, ExplainedRule, Explanation, explanation_of
from projections.communication.queries.status import MessageRow, message_by_id
from projections.journal import Link
from streams.postgres.reads import Reads

router = APIRouter(route_class=LeanRoute, prefix="/api/communication", tags=["Orchestrator"])

MOST_IN_A_BATCH = 100
UNCERTAIN = (202, 503)
TOO_LONG = (
    f"holds a web address that would be cut: an address alone may have {LONGEST_ADDRESS} characters, "
    f"other text {LONGEST_VALUE} with the addresses in it"
)


class SendBody(Body):
    """One message: whom, about what, and optionally how, how urgently and when."""

    user_id: UserId
    trigger_type: TriggerType
    data: Data
    channel: Wish | None = None
    priority: Priority | None = None
    scheduled_time: Instant | None = None


class SendAnswer(BaseModel):
    success: bool = True
    task_id: UUID
    cost: float
    fallback_used: bool
    analytics_tracked: bool = True
    message: str = "Communication scheduled successfully"


class BatchBody(Body):
    communications: Annotated[list[Any], Field(min_length=1, max_length=MOST_IN_A_BATCH)]


class BatchSuccess(BaseModel):
    user_id: int
    success: Literal[True] = True
    task_id: UUID
    cost: float
    fallback_used: bool


class BatchFailure(BaseModel):
    """`user_id` is null where the request names nobody."""

    user_id: int | None
    success: Literal[False] = False
    fallback_used: bool = False
    error: str


class BatchSummary(BaseModel):
    total: int
    successful: int
    failed: int
    total_cost: float


class BatchAnswer(BaseModel):
    success: bool = True
    results: list[BatchSuccess | BatchFailure]
    summary: BatchSummary


class StatusResult(BaseModel):
    """`unconfirmed`: it failed without anybody knowing that it did not go out; a status webhook may settle that."""

    message_id: str | None
    delivered: bool
    delivery_time: datetime | None
    unconfirmed: bool
    channel: str | None
    error: str | None


class StatusAnswer(BaseModel):
    task_id: UUID
    status: Status
    result: StatusResult | None
    created: datetime
    started: datetime | None
    succeeded: datetime | None


class Done(BaseModel):
    success: bool = True
    message: str


class ActionBody(Body):
    """What the recipient did, in the caller's own word; `channel` says in answer to which of two messages."""

    action: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    channel: Channel | None = None


class TriggerTypeAnswer(BaseModel):
    value: TriggerType
    name: str
    description: str
    default_channel: Channel
    default_priority: Priority


class TriggerTypesAnswer(BaseModel):
    trigger_types: list[TriggerTypeAnswer]


class ExplanationAnswer(BaseModel):
    """Why a message was sent, held, redirected or not sent: a sentence, and every step with the events behind it."""

    task_id: UUID
    sentence: str
    history: list[Mapping[str, Any]]


@router.post("/send")
async def send_communication(
    body: SendBody,
    caller: Annotated[Caller, may("communication:send", limit="communication_sending")],
    act: Act,
    own: Own,
) -> SendAnswer:
    """Send a message to a user on a channel they allow, now or at `scheduled_time`; a past time means now."""
    requested = await request_message(body, act, own)
    return SendAnswer(task_id=requested.message_id, cost=dollars(requested.cost), fallback_used=requested.fallback)


async def request_message(
    body: SendBody, act: Action, own: Dependencies, batch_id: UUID | None = None
) -> MessageRequested:
    """Submit the command for one message; raises ApiError."""
    trigger = TRIGGERS[body.trigger_type]
    template = f"{body.trigger_type}/{TEMPLATE_VERSION[body.trigger_type]}"
    lost = lost_address(template, body.data)
    if lost is not None:
        raise invalid([FieldError(f"data.{lost}", TOO_LONG, missing=False)])
    text = text_message(template, body.data)
    spending = await own.spending()
    outcome = await act.submit(
        RequestMessage(
            at=act.at,
            message_id=act.new_id("message"),
            user_id=body.user_id,
            trigger_type=body.trigger_type,
            data=body.data,
            wish=body.channel or Wish(trigger.default_channel),
            priority=body.priority or trigger.default_priority,
            due_at=body.scheduled_time,
            segments=text.length.segments,
            limits=own.limits,
            usage=spending.usage,
            counted_to=spending.counted_to,
            batch_id=batch_id,
        )
    )
    return outcome.only(MessageRequested)


ITEM = TypeAdapter(SendBody)


@router.post("/batch")
async def send_batch(
    body: BatchBody,
    caller: Annotated[Caller, may("communication:send", limit="batch_operations")],
    act: Act,
    own: Own,
) -> BatchAnswer:
    """Send up to 100 messages; each succeeds or fails for itself."""
    batch_id = act.new_id("batch")
    await act.submit(RequestBatch(at=act.at, batch_id=batch_id, size=len(body.communications)))
    results = await asyncio.gather(
        *(_one_of_batch(item, act.part(number), own, batch_id) for number, item in enumerate(body.communications))
    )
    successful = [result for result in results if isinstance(result, BatchSuccess)]
    summary = BatchSummary(
        total=len(results),
        successful=len(successful),
        failed=len(results) - len(successful),
        total_cost=round(sum(result.cost for result in successful), 6),
    )
    return BatchAnswer(results=list(results), summary=summary)


async def _one_of_batch(item: object, act: Action, own: Dependencies, batch_id: UUID) -> BatchSuccess | BatchFailure:
    if not isinstance(item, dict):
        return BatchFailure(user_id=None, error="Invalid body: must be a JSON object")
    try:
        requested = await request_message(ITEM.validate_python(item), act, own, batch_id)
    except ValidationError as error:
        return BatchFailure(user_id=_user_in(item), error=sentence(field_errors(error)[0]))
    except ApiError as error:
        # Other messages of the batch may be sent already, so this error is one result and never the batch's answer.
        details = f" ({error.details})" if error.status in UNCERTAIN else ""
        return BatchFailure(user_id=_user_in(item), error=f"{error.sentence}{details}")
    return BatchSuccess(
        user_id=requested.user_id,
        task_id=requested.message_id,
        cost=dollars(requested.cost),
        fallback_used=requested.fallback,
    )


def _user_in(item: dict[str, Any]) -> int | None:
    user_id = item.get("user_id")
    return user_id if isinstance(user_id, int) and not isinstance(user_id, bool) else None


@router.get("/status/{task_id}")
async def communication_status(
    task_id: str, caller: Annotated[Caller, may("communication:read")], reads: Read
) -> StatusAnswer:
    """The state of a message's task: PENDING, STARTED, RETRY, SUCCESS, FAILURE or REVOKED."""
    row = await find_message(task_id, reads)
    return StatusAnswer(
        task_id=row.message_id,
        status=row.status,
        result=_result(row),
        created=row.created_at,
        started=row.started_at,
        succeeded=row.succeeded_at,
    )


async def find_message(task_id: str, reads: Reads) -> MessageRow:
    """The message behind a task id; raises ApiError 404."""
    try:
        id_ = UUID(task_id)
    except ValueError:
        raise _unknown() from None
    async with reads.connection() as connection:
        row = await message_by_id(connection, id_)
    if row is None:
        raise _unknown()
    return row


def _unknown() -> ApiError:
    return ApiError(404, "Task not found", kind="NotFound", details="there is no communication with this task_id")


def _result(row: MessageRow) -> StatusResult | None:
    if row.status not in (Status.SUCCESS, Status.FAILURE):
        return None
    best = row.deliveries[0]
    return StatusResult(
        message_id=best.provider_id,
        delivered=row.delivered_at is not None,
        delivery_time=row.delivered_at,
        unconfirmed=row.unconfirmed,
        channel=best.channel.value,
        error=reason_of(best.code, best.reason) if row.status is Status.FAILURE else None,
    )


@router.post("/cancel/{task_id}")
async def cancel_communication(
    task_id: str, caller: Annotated[Caller, may("communication:send")], act: Act, reads: Read
) -> Done:
    """Call a scheduled message off. One that is out already, or was called off before, cannot be."""
    row = await find_message(task_id, reads)
    await act.submit(CancelMessage(at=act.at, message_id=row.message_id, user_id=row.user_id))
    return Done(message="Communication cancelled successfully")


@router.post("/status/{task_id}/action")
async def record_action(
    task_id: str, body: ActionBody, caller: Annotated[Caller, may("communication:send")], act: Act, reads: Read
) -> Done:
    """Report that the recipient did what the message was about: ours, for this is what engagement is counted from."""
    row = await find_message(task_id, reads)
    await act.submit(
        RecordAction(
            at=act.at, message_id=row.message_id, user_id=row.user_id, channel=body.channel, action=body.action
        )
    )
    return Done(message="Action recorded successfully")


@router.get("/trigger-types")
async def trigger_types(caller: Annotated[Caller, may("communication:read")]) -> TriggerTypesAnswer:
    """Every trigger type with its default channel and priority."""
    return TriggerTypesAnswer(
        trigger_types=[TriggerTypeAnswer(value=type_, **trigger._asdict()) for type_, trigger in TRIGGERS.items()]
    )


@router.get("/status/{task_id}/explanation")
async def explain_communication(
    task_id: str, caller: Annotated[Caller, may("communication:read")], reads: Read, own: Own
) -> ExplanationAnswer:
    """Why it was sent, held, redirected or not sent, with the events that every rule looked at."""
    row = await find_message(task_id, reads)
    async with reads.connection() as connection:
        explanation = await explanation_of(connection, row.message_id, own.engine.mapper)
    if explanation is None:
        raise _unknown()
    return _explained(row.message_id, explanation)


def _explained(task_id: UUID, explanation: Explanation) -> ExplanationAnswer:
    history = [_happening(happening) for happening in explanation.history]
    return ExplanationAnswer(task_id=task_id, sentence=explanation.sentence, history=history)


def _happening(happening: ExplainedEvent) -> Mapping[str, Any]:
    rules = [_rule(rule) for rule in happening.rules]
    return {"sentence": happening.sentence, "event": _link(happening.event), "rules": rules}


def _rule(rule: ExplainedRule) -> Mapping[str, Any]:
    return rule._asdict() | {"evidence": {name: _linked(found) for name, found in rule.evidence.items()}}


def _linked(found: Link | list[Link]) -> Mapping[str, Any] | list[Mapping[str, Any]]:
    return _link(found) if isinstance(found, Link) else [_link(one) for one in found]


def _link(link: Link) -> Mapping[str, Any]:
    return link._asdict()
