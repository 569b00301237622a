"""Webhooks: told once, tried in rounds, and an endpoint that takes nothing is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.webhook_endpoints import ConfigureWebhookEndpoint, DisableWebhookEndpoint, EnableWebhookEndpoint
from commands.webhooks import (
    DISABLED_AFTER,
    PAUSES,
    WEBHOOK_EVENTS,
    WEBHOOK_HANDLERS,
    WEBHOOK_REFUSALS,
    EndpointNotEnabled,
    QueueWebhook,
    RecordDelivery,
    RecoverWebhook,
    ResumeWebhook,
    WebhookNotFound,
    react,
)
from domain.calls.webhook import GONE, NOT_CONFIGURED, DeliverWebhook
from domain.messages import Attempt, Event, Result
from domain.webhooks import (
    WebhookAttemptFailed,
    WebhookDelivered,
    WebhookEndpointConfigured,
    WebhookEndpointDisabled,
    WebhookEndpointEnabled,
    WebhookEndpointFailing,
    WebhookEndpointRecovered,
    WebhookFailed,
    WebhookHeld,
    WebhookPutOff,
    WebhookQueued,
)
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.core.clock import ManualClock
from streams.core.wiring import Context
from streams.testing import MemoryRuntime, Scenario

START = datetime(2026, 1, 30, 21, 0, tzinfo=UTC)
CONTEXT = Context(
    name="hooks",
    events=WEBHOOK_EVENTS,
    handlers=WEBHOOK_HANDLERS,
    refusals=WEBHOOK_REFUSALS,
    effects=(DeliverWebhook,),
    react=react,
)
ABOUT: dict[str, Any] = {"endpoint_id": "gccp", "webhook_id": "w1", "data_subject": "gccp:ada"}
TELL = QueueWebhook(at=START, **ABOUT, event_type="generation.completed", body="{}")
CONFIGURE = ConfigureWebhookEndpoint(at=START, endpoint_id="gccp", origin="https://example.com", fingerprint="f")
DISABLE = DisableWebhookEndpoint(at=START, endpoint_id="gccp", reason="asked to")
ENABLE = EnableWebhookEndpoint(at=START, endpoint_id="gccp")
RECOVER = RecoverWebhook(at=START, **ABOUT)
QUEUED = WebhookQueued(at=START, **ABOUT, event_type="generation.completed", body="{}", round=1)


def configured() -> Scenario:
    return Scenario(CONTEXT).given(WebhookEndpointConfigured(**CONFIGURE.model_dump()))


def queued() -> Scenario:
    return configured().given(QUEUED)


def heard(result: Result, round_: int = 1, number: int = 1, code: str | None = None, days: float = 0) -> RecordDelivery:
    at = START + timedelta(days=days)
    retry_at = at + timedelta(seconds=5) if result is Result.DEFERRED else None
    attempt = Attempt(result=result, number=number, provider="webhook", code=code, reason="why", retry_at=retry_at)
    return RecordDelivery(at=at, **ABOUT, round=round_, attempt=attempt)


def test_a_webhook_for_nobody_is_not_recorded() -> None:
    Scenario(CONTEXT).when(TELL).then_nothing()


def test_a_webhook_is_queued_once() -> None:
    configured().when(TELL).then(QUEUED).when(TELL).then_nothing()


def test_a_disabled_endpoint_s_webhooks_are_held() -> None:
    disabled = configured().given(WebhookEndpointDisabled(at=START, endpoint_id="gccp", reason="gone"))
    disabled.when(TELL).then(WebhookHeld(at=START, **ABOUT, event_type="generation.completed", body="{}", round=0))


def test_a_taken_webhook_is_delivered_and_asked_about_no_more() -> None:
    done = queued().when(heard(Result.ACCEPTED)).then(WebhookDelivered(at=START, **ABOUT, round=1, attempt=1))
    done.when(heard(Result.ACCEPTED, number=2)).then_nothing()
    done.when(RECOVER).then_nothing()


def test_a_failed_attempt_is_recorded_with_the_time_of_the_next() -> None:
    waiting = queued().when(heard(Result.DEFERRED, code="http_503")).then_kinds(WebhookAttemptFailed)
    waiting.when(heard(Result.DEFERRED)).then_nothing()
    waiting.when(heard(Result.ACCEPTED, number=2)).then_kinds(WebhookDelivered)


def test_a_failed_round_is_followed_by_another_after_a_pause() -> None:
    scenario = queued().when(heard(Result.REJECTED, code="http_503")).then_kinds(WebhookPutOff, WebhookEndpointFailing)
    put_off = scenario.produced[0]
    assert isinstance(put_off, WebhookPutOff)
    assert put_off.resume_at == START + PAUSES[0]
    again = ResumeWebhook(at=put_off.resume_at, **ABOUT, round=1)
    resumed = scenario.when(again).then(QUEUED.model_copy(update={"at": put_off.resume_at, "round": 2}))
    resumed.when(again).then_nothing()
    resumed.when(heard(Result.ACCEPTED, round_=1)).then_nothing()


def test_after_the_last_round_a_webhook_is_given_up() -> None:
    last = len(PAUSES) + 1
    scenario = configured().given(QUEUED.model_copy(update={"round": last}))
    scenario.when(heard(Result.REJECTED, round_=last)).then_kinds(WebhookFailed, WebhookEndpointFailing)


def test_success_after_failure_is_a_recovery() -> None:
    failing = queued().given(WebhookEndpointFailing(at=START, endpoint_id="gccp"))
    failing.when(heard(Result.ACCEPTED)).then_kinds(WebhookDelivered, WebhookEndpointRecovered)


def test_an_endpoint_is_disabled_when_nothing_gets_through_for_days() -> None:
    failing = queued().given(WebhookEndpointFailing(at=START, endpoint_id="gccp"))
    days = DISABLED_AFTER.total_seconds() / 86_400
    failing.when(heard(Result.REJECTED, days=days - 0.01)).then_kinds(WebhookPutOff)
    failing.when(heard(Result.REJECTED, days=days)).then_kinds(WebhookPutOff, WebhookEndpointDisabled)


def test_a_receiver_that_is_gone_is_disabled_at_once() -> None:
    queued().when(heard(Result.REJECTED, code=GONE)).then_kinds(WebhookFailed, WebhookEndpointDisabled)


def test_a_destination_that_is_not_configured_gets_no_second_round() -> None:
    queued().when(heard(Result.REJECTED, code=NOT_CONFIGURED)).then_kinds(WebhookFailed, WebhookEndpointFailing)


def test_a_round_that_fails_while_its_endpoint_is_disabled_is_held() -> None:
    disabled = queued().given(WebhookEndpointDisabled(at=START, endpoint_id="gccp", reason="asked to"))
    disabled.when(heard(Result.REJECTED)).then_kinds(WebhookHeld)


def test_a_round_that_is_due_while_its_endpoint_is_disabled_is_held() -> None:
    put_off = queued().when(heard(Result.REJECTED)).then_kinds(WebhookPutOff, WebhookEndpointFailing)
    disabled = put_off.given(WebhookEndpointDisabled(at=START, endpoint_id="gccp", reason="asked to"))
    due = ResumeWebhook(at=START, **ABOUT, round=1)
    disabled.when(due).then_kinds(WebhookHeld)


@pytest.mark.parametrize("held", [True, False])
def test_what_was_held_or_given_up_can_be_recovered(held: bool) -> None:
    scenario = queued().when(heard(Result.REJECTED, code=GONE)).then_kinds(WebhookFailed, WebhookEndpointDisabled)
    if held:
        disabled = configured().given(WebhookEndpointDisabled(at=START, endpoint_id="gccp", reason="asked to"))
        scenario = disabled.when(TELL).then_kinds(WebhookHeld)
    scenario.when(RECOVER).then_refused(EndpointNotEnabled)
    scenario.given(WebhookEndpointEnabled(at=START, endpoint_id="gccp")).when(RECOVER).then(
        QUEUED.model_copy(update={"round": 1 if held else 2})
    )


def test_what_was_never_told_cannot_be_recovered() -> None:
    configured().when(RECOVER).then_refused(WebhookNotFound)


def test_the_same_configuration_at_every_start_is_one_configuration() -> None:
    configured().when(CONFIGURE).then_nothing()
    other = CONFIGURE.model_copy(update={"fingerprint": "g"})
    disabled = configured().given(WebhookEndpointDisabled(at=START, endpoint_id="gccp", reason="gone"))
    disabled.when(CONFIGURE).then_nothing()
    disabled.when(other).then_kinds(WebhookEndpointConfigured).when(TELL).then_kinds(WebhookQueued)


def test_what_is_told_may_be_about_somebody_of_any_context() -> None:
    assert TELL.subject == QUEUED.subject == RECOVER.subject == "gccp:ada"


def test_an_endpoint_is_disabled_and_enabled_once() -> None:
    disabled = configured().when(DISABLE).then_kinds(WebhookEndpointDisabled)
    disabled.when(DISABLE).then_nothing()
    disabled.when(ENABLE).then_kinds(WebhookEndpointEnabled).when(ENABLE).then_nothing()


def answered(verdict: Verdict, days: int) -> tuple[list[str], list[Event]]:
    """The webhook ids that were tried, and what happened, when every try comes to that."""
    clock = ManualClock(START)
    runtime = MemoryRuntime([CONTEXT], clock)
    runtime.do(CONFIGURE, "hooks")
    runtime.do(TELL, "hooks")
    tried: list[str] = []

    def perform(effect: DeliverWebhook, _key: str) -> Verdict:
        tried.append(effect.webhook_id)
        return verdict

    for _ in range(days * 24 * 4):
        runtime.run_due(perform)
        clock.advance(timedelta(minutes=15))
    return tried, [one.fact for one in runtime.journal]


def test_a_receiver_that_never_answers_well_is_tried_for_days_with_one_id_and_then_given_up() -> None:
    tried, happened = answered(Deferred("http_503", "busy"), days=8)
    assert set(tried) == {"w1"}
    assert len(tried) == 8 * (len(PAUSES) + 1)
    assert [type(event) for event in happened if isinstance(event, WebhookFailed)] == [WebhookFailed]
    assert sum(isinstance(event, WebhookPutOff) for event in happened) == len(PAUSES)


def test_a_receiver_that_refuses_is_asked_again_later_too() -> None:
    tried, _ = answered(Rejected("http_404", "not here"), days=8)
    assert len(tried) == len(PAUSES) + 1


@settings(max_examples=50, deadline=None)
@given(verdicts=st.lists(st.sampled_from(["ok", "busy", "no"]), max_size=30))
def test_a_webhook_is_delivered_at_most_once_and_never_after_it_was_taken(verdicts: list[str]) -> None:
    clock = ManualClock(START)
    runtime = MemoryRuntime([CONTEXT], clock)
    runtime.do(CONFIGURE, "hooks")
    runtime.do(TELL, "hooks")
    script = iter(verdicts)
    taken: list[str] = []

    def perform(effect: DeliverWebhook, _key: str) -> Verdict:
        assert taken == []
        said = next(script, "ok")
        if said == "ok":
            taken.append(effect.webhook_id)
            return Accepted(effect.webhook_id)
        return Deferred("http_503", "busy") if said == "busy" else Rejected("http_404", "no")

    for _ in range(200):
        runtime.run_due(perform)
        clock.advance(timedelta(hours=1))
    delivered = sum(isinstance(one.fact, WebhookDelivered) for one in runtime.journal)
    assert delivered == len(taken)
    assert runtime.halts == []
