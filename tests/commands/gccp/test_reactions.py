"""What follows from what happened: the calls as they go out, and the webhook as the document has it."""

from __future__ import annotations

import json
from datetime import timedelta

from commands.gccp.reactions import ENDPOINT, completion
from commands.gccp.wiring import GCCP
from commands.webhook_endpoints import ConfigureWebhookEndpoint
from domain.calls.completion import Completion
from domain.calls.webhook import DeliverWebhook
from domain.gccp.call import GenerationStepStarted
from domain.gccp.course import Brief, Step
from domain.gccp.generation import GenerationCompleted
from domain.messages import Effect
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.core.clock import ManualClock
from streams.testing import MemoryRuntime
from tests.commands.gccp.examples import ID, OWNER, START, at_step, attempt, request


def delivered(*verdicts: Verdict) -> tuple[DeliverWebhook, MemoryRuntime]:
    """The one webhook of a generation whose first calls come to these, and the runtime it happened in."""
    clock = ManualClock(START)
    runtime = MemoryRuntime([GCCP], clock)
    runtime.do(ConfigureWebhookEndpoint(at=START, endpoint_id=ENDPOINT, origin="o", fingerprint="f"), "gccp")
    runtime.do(request(topic="Übung"), "gccp")
    script, sent = list(verdicts), list[DeliverWebhook]()

    def perform(effect: Effect, _key: str) -> Verdict:
        if isinstance(effect, DeliverWebhook):
            sent.append(effect)
            return Accepted(effect.webhook_id)
        return script.pop(0) if script else Accepted("msg_1", attempt().output)

    runtime.run_due(perform)
    clock.advance(timedelta(seconds=45.4))
    runtime.run_due(perform)
    (webhook,) = sent
    return webhook, runtime


def test_the_webhook_has_the_document_s_payload() -> None:
    webhook, runtime = delivered(Deferred("overloaded_error", "busy", 45.4))
    assert webhook.event_type == "generation.completed"
    assert webhook.body == (
        '{"event":"generation.completed","timestamp":"2026-01-30T21:00:45Z","data":'
        f'{{"generation_id":"{ID}","user_id":"{OWNER}","status":"completed","mode":"lecture",'
        '"topic":"Übung","duration_seconds":45}}'
    )
    (over,) = (one for one in runtime.journal if isinstance(one.fact, GenerationCompleted))
    assert webhook.webhook_id == str(over.record.event_id)
    assert webhook.subject == f"gccp:{OWNER}"


def test_the_webhook_of_a_failure_says_why() -> None:
    webhook, _ = delivered(Rejected("invalid_request_error", "no such model"))
    told = json.loads(webhook.body or "")
    assert told["event"] == webhook.event_type == "generation.failed"
    assert told["data"]["status"] == "failed"
    why = {"failed_step": "TopicAnalysis", "code": "ANTHROPIC_ERROR", "error": "no such model"}
    assert why.items() <= told["data"].items()


def test_a_call_goes_out_with_its_prompt_and_its_brief_for_its_owner() -> None:
    (begun,) = (
        event
        for event in at_step(Step.REVIEW).history
        if isinstance(event, GenerationStepStarted) and event.step is Step.REVIEW
    )
    effect = completion(begun)
    assert (effect.subject, effect.reference, effect.step) == (f"gccp:{OWNER}", f"{ID}/3", Step.REVIEW)
    assert (effect.model, effect.max_tokens) == ("claude", 10_000)
    assert effect.brief is not None
    assert Brief.model_validate(effect.brief) == begun.brief
    assert effect.messages is not None
    assert "output of DraftCreation" in effect.messages[0].content


def test_a_call_for_an_erased_owner_has_nothing_to_say() -> None:
    begun = next(event for event in at_step(Step.REVIEW).history if isinstance(event, GenerationStepStarted))
    effect = completion(begun.model_copy(update={"brief": None}))
    assert isinstance(effect, Completion)
    assert (effect.system, effect.messages, effect.brief) == (None, None, None)
