"""Explanations: why a message to a user was sent or not, and why one of theirs was answered or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from api.auth import Caller
from api.creator_hub.access import READ
from api.creator_hub.fields import Id, Shown, not_there
from api.routing import LeanRoute
from api.surface import Read, may
from domain.creator_hub.kinds import ChannelType
from domain.creator_hub.reply import Citation, Usage
from projections.creator_hub.queries.explanation import Explanation, ReplyFacts, RuleFacts, StepFacts, explanation_of
from projections.journal import Link

router = APIRouter(route_class=LeanRoute, prefix="/api/v1/users", tags=["Extensions"])


class WindowAnswer(BaseModel):
    """The user's last message before, whether a free message might go out, and the template that was used."""

    last_message_at: Shown | None
    was_open: bool
    template: str | None


class StepAnswer(BaseModel):
    """The step of a program. `reason` says why it is held, was skipped or failed."""

    program_id: str
    program_name: str
    flow_id: str
    version: int
    n: int
    node: str
    kind: str
    due_at: Shown
    status: str
    reason: str | None


class ReplyAnswer(BaseModel):
    """The reply by a model. `reason` says why there is none."""

    reply_id: str
    message_ids: list[str]
    status: str
    reason: str | None
    knowledge_base_ids: list[str]
    citations: list[Citation]
    prompt_version: str | None
    model: str | None
    usage: Usage | None


class TriggerAnswer(BaseModel):
    """The rule that acted, in the spell of inactivity that began with the message at `spell`."""

    rule_id: str
    rule_name: str
    trigger_id: str
    action: int | None
    triggered_at: Shown
    spell: Shown


class EventAnswer(BaseModel):
    """An event about it."""

    event: str
    at: Shown
    position: str


class ExplanationAnswer(BaseModel):
    """The facts. `code` is why it was not sent, or not answered; `reason` are the provider's words."""

    interaction_id: str
    interaction_type: Literal["message_sent", "message_received"]
    status: str
    code: str | None
    reason: str | None
    channel: ChannelType
    at: Shown
    window: WindowAnswer
    step: StepAnswer | None
    reply: ReplyAnswer | None
    rule: TriggerAnswer | None
    history: list[EventAnswer]


@router.get("/{user_id}/interactions/{interaction_id}/explanation")
async def explain(
    user_id: Id, interaction_id: Id, caller: Annotated[Caller, may(READ)], reads: Read
) -> ExplanationAnswer:
    """Explain a message of a user, or to a user: its cause, versions, citations, window, and why it did not go."""
    async with reads.connection() as connection:
        found = await explanation_of(connection, caller.subject, str(user_id), str(interaction_id))
    if found is None:
        raise not_there()
    return _answer(found)


def _answer(found: Explanation) -> ExplanationAnswer:
    return ExplanationAnswer(
        interaction_id=found.interaction_id,
        interaction_type=found.type.value,
        status=found.status,
        code=found.code,
        reason=found.reason,
        channel=found.channel_type,
        at=found.at,
        window=WindowAnswer.model_validate(found.window._asdict()),
        step=_step(found.step),
        reply=_reply(found.reply),
        rule=_rule(found.rule),
        history=_history(found.history),
    )


def _step(step: StepFacts | None) -> StepAnswer | None:
    return None if step is None else StepAnswer.model_validate(step._asdict())


def _reply(reply: ReplyFacts | None) -> ReplyAnswer | None:
    return None if reply is None else ReplyAnswer.model_validate(reply._asdict())


def _rule(rule: RuleFacts | None) -> TriggerAnswer | None:
    return None if rule is None else TriggerAnswer.model_validate(rule._asdict())


def _history(links: Sequence[Link]) -> list[EventAnswer]:
    return [EventAnswer(event=one.name, at=one.at, position=str(one.position)) for one in links]
