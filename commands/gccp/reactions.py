"""The reactions to events: calls to the model, made or withdrawn, timers, and webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

from commands import webhooks
from commands.gccp.ai_call import LONGEST, ExpireAiCall
from commands.gccp.generation import RecordAnswer, StartGeneration
from commands.gccp.prompts import prompt_of
from domain.calls.completion import Completion
from domain.gccp.ai_call import AiReplyStarted, AiStreamStarted
from domain.gccp.call import GenerationStepStarted
from domain.gccp.generation import (
    GenerationCancelled,
    GenerationCompleted,
    GenerationFailed,
    GenerationQueued,
    GenerationRetried,
)
from domain.messages import Event
from domain.rfc3339 import shown_instant
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Later, Reaction, Withdraw

ENDPOINT = "gccp"
"""The only webhook endpoint of this product; its address and secret are settings."""


def react(event: Recorded[Event]) -> Iterator[Reaction]:
    match event.fact:
        case GenerationQueued() | GenerationRetried() as queued:
            start = StartGeneration(at=queued.at, owner=queued.owner, generation_id=queued.generation_id)
            yield Later(queued.at, start)
        case GenerationStepStarted() as started:
            yield Call(completion(started), _reply(started), reference(started.generation_id, started.call))
        case GenerationCancelled(call=int(call)) as cancelled:
            yield Withdraw(reference(cancelled.generation_id, call))
        case GenerationCompleted() | GenerationFailed() as over:
            yield Later(over.at, _webhook(over, str(event.record.event_id)))
        case AiStreamStarted() | AiReplyStarted() as begun:
            yield Later(begun.at + LONGEST, ExpireAiCall(at=begun.at, owner=begun.owner, call_id=begun.call_id))
        case _:
            yield from webhooks.react(event)


def reference(generation_id: UUID, call: int) -> str:
    """The permanent name of a generation's call: calls are counted through all steps, repeats and retries."""
    return f"{generation_id}/{call}"


def completion(started: GenerationStepStarted) -> Completion:
    """The call of a step. Without a prompt, once its owner has been erased, every connector refuses it."""
    prompt = started.brief and prompt_of(started.prompt_version, started.step, started.brief, started.repair)
    return Completion(
        context="gccp",
        recipient_id=started.owner,
        reference=reference(started.generation_id, started.call),
        model=started.model,
        max_tokens=started.max_tokens,
        step=started.step,
        system=prompt.system if prompt else None,
        messages=prompt.messages if prompt else None,
        brief=None if started.brief is None else started.brief.model_dump(mode="json"),
    )


def _reply(started: GenerationStepStarted) -> RecordAnswer:
    return RecordAnswer(
        at=started.at,
        owner=started.owner,
        generation_id=started.generation_id,
        step=started.step,
        call=started.call,
    )


def _webhook(over: GenerationCompleted | GenerationFailed, webhook_id: str) -> webhooks.QueueWebhook:
    """Queue the document's payload for `generation.completed`; `generation.failed` adds the reason."""
    status = "completed" if isinstance(over, GenerationCompleted) else "failed"
    data: dict[str, object] = {
        "generation_id": str(over.generation_id),
        "user_id": over.owner,
        "status": status,
        "mode": over.mode,
        "topic": over.topic,
        "duration_seconds": round(over.duration_seconds),
    }
    if isinstance(over, GenerationFailed):
        data |= {"failed_step": over.step, "code": over.code, "error": over.reason}
    name = f"generation.{status}"
    payload = {"event": name, "timestamp": shown_instant(over.at), "data": data}
    return webhooks.QueueWebhook(
        at=over.at,
        endpoint_id=ENDPOINT,
        webhook_id=webhook_id,
        data_subject=f"gccp:{over.owner}",
        event_type=name,
        body=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
    )
