"""What can be read, from a real database, while generations, calls, exports and webhooks take their course."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from commands.gccp.ai_call import CompleteAiCall, FailAiCall, StartAiCall
from commands.gccp.export import RecordPdfExport, RecordPdfExportFailure
from commands.gccp.generation import CancelGeneration, RetryGeneration
from commands.gccp.reactions import ENDPOINT
from commands.webhook_endpoints import DisableWebhookEndpoint, EnableWebhookEndpoint
from commands.webhooks import RecoverWebhook
from domain.gccp.course import ContentMode, Counts, Step, parse_assignment
from domain.gccp.usage import Usage
from projections.gccp.ai_calls import ai_calls_of
from projections.gccp.calls import calls_of
from projections.gccp.exports import exports_of
from projections.gccp.generations import by_id, of_owner
from projections.gccp.progress import ENDS, progress_after
from projections.gccp.steps import content_of, steps_of
from projections.gccp.usage import usage_of
from projections.webhook_endpoints import endpoints
from projections.webhooks import undelivered
from streams.core.calls import Deferred, Rejected
from streams.core.read_models import Row
from streams.core.wiring import EraseSubject
from streams.postgres.database import Statement, read
from tests.commands.gccp.examples import ID, OTHER, OWNER, START, later, request
from tests.imitations import failing
from tests.imitations.webhook_sink import WebhookSink
from tests.projections.gccp.running import Model, Running, running

DAY = date(2026, 1, 30)


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as imitation:
        yield imitation


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
async def world(database: str, model: Model, sink: WebhookSink) -> AsyncIterator[Running]:
    async with running(database, model, f"{sink.url}/hook") as now:
        yield now


async def test_a_generation_is_seen_from_queued_to_completed_with_its_content_and_cost(world: Running) -> None:
    outcome = await world.do(request())
    assert (await progress_after(world.connection, ID))[0].event == "queued"
    await world.settle()
    row = await world.generation()
    assert (row.status, row.steps_done, row.step, row.topic) == ("completed", 5, "Formatting", "Machine learning")
    content = await content_of(world.connection, ID)
    assert content is not None
    assert content.text is not None
    assert content.text.startswith("# ")
    assert content.provider == "offline"
    steps = await steps_of(world.connection, ID)
    assert [(step.step, step.status, step.calls, step.cost_microcents) for step in steps] == [
        (step.value, "completed", 1, 300) for step in Step
    ]
    assert sum(call.cost_microcents for call in await calls_of(world.connection, ID)) == 1_500
    (used,) = await usage_of(world.connection, OWNER, DAY, DAY)
    assert (used.kind, used.calls, used.input_tokens, used.cost_microcents) == ("generation", 5, 50, 1_500)
    assert outcome.position.context == "gccp"


async def test_a_client_that_names_the_last_event_it_saw_is_told_the_rest(world: Running) -> None:
    await world.do(request())
    await world.settle()
    told = await progress_after(world.connection, ID)
    assert [row.event for row in told] == [
        "queued",
        "started",
        *["step_started", "step_completed"] * 5,
        "completed",
    ]
    assert [row.percent for row in told] == [0, 0, 0, 20, 20, 40, 40, 60, 60, 80, 80, 100, 100]
    assert told[-1].event in ENDS
    for seen in range(len(told)):
        assert await progress_after(world.connection, ID, told[seen].position) == told[seen + 1 :]
    assert await progress_after(world.connection, ID, limit=3) == told[:3]


async def test_an_assignment_is_read_with_exactly_its_numbers(world: Running) -> None:
    counts = Counts(mcsc=3, mcmc=2, subjective=1)
    await world.do(request(mode=ContentMode.ASSIGNMENT, counts=counts))
    await world.settle()
    content = await content_of(world.connection, ID)
    assert content is not None
    assert parse_assignment(content.text or "", counts).counts() == counts
    row = await world.generation()
    assert (row.mcsc, row.mcmc, row.subjective) == (3, 2, 1)


async def test_a_wait_a_failure_and_a_retry_are_seen_as_such(world: Running, model: Model) -> None:
    model.verdicts.extend([Deferred("rate_limit_error", "slow down", 30.0), Rejected("invalid_request_error", "no")])
    await world.do(request())
    await world.settle()
    assert (await world.generation()).retry_at == later(30)
    assert [step.status for step in await steps_of(world.connection, ID)] == ["waiting"]
    world.clock.advance(timedelta(seconds=30))
    await world.settle()
    row = await world.generation()
    assert (row.status, row.code, row.cause, row.failed_step) == (
        "failed",
        "ANTHROPIC_ERROR",
        "invalid_request_error",
        "TopicAnalysis",
    )
    assert (row.retry_at, row.duration_seconds) == (None, 30)
    assert await content_of(world.connection, ID) is None
    await world.do(
        RetryGeneration(at=world.clock.now(), generation_id=ID, owner=OWNER, caller=OWNER, model="m", max_tokens=9)
    )
    await world.settle()
    row = await world.generation()
    assert (row.status, row.resumed_from, row.code, row.duration_seconds) == ("completed", "TopicAnalysis", None, 0)
    results = [(call.call, call.attempt, call.result) for call in await calls_of(world.connection, ID)]
    assert results[:3] == [(1, 1, "deferred"), (1, 2, "rejected"), (2, 1, "completed")]


async def test_a_cancelled_generation_is_seen_as_cancelled(world: Running, model: Model) -> None:
    model.verdicts.append(Deferred("overloaded_error", "busy", 600.0))
    await world.do(request())
    await world.settle()
    await world.do(CancelGeneration(at=later(1), generation_id=ID, owner=OWNER, caller=OWNER))
    row = await world.generation()
    assert (row.status, row.finished_at, row.retry_at) == ("cancelled", later(1), None)
    assert [step.status for step in await steps_of(world.connection, ID)] == ["cancelled"]
    world.clock.advance(timedelta(days=1))
    await world.settle()
    assert [(call.call, call.result) for call in await calls_of(world.connection, ID)] == [(1, "deferred")]


async def test_an_owner_s_generations_come_in_pages_the_latest_first(world: Running) -> None:
    ids = [uuid4() for _ in range(5)]
    for number, id_ in enumerate(ids):
        await world.do(request(generation_id=id_, at=later(number // 2)))
    await world.do(request(generation_id=uuid4(), owner=OTHER))
    page = await of_owner(world.connection, OWNER, limit=2)
    seen = [row.generation_id for row in page]
    while page := await of_owner(world.connection, OWNER, limit=2, before=page[-1]):
        seen += [row.generation_id for row in page]
    assert seen == sorted(ids, key=lambda id_: (ids.index(id_) // 2, id_), reverse=True)
    assert await by_id(world.connection, uuid4()) is None
    await world.settle()


async def test_a_generation_goes_on_after_a_restart_without_repeating_a_step(
    database: str, sink: WebhookSink, model: Model
) -> None:
    model.verdicts.append(Deferred("overloaded_error", "busy", 60.0))
    async with running(database, model, sink.url) as world:
        await world.do(request())
        await world.settle()
    async with running(database, model, sink.url) as world:
        world.clock.advance(timedelta(seconds=60))
        await world.settle()
        assert (await world.generation()).status == "completed"
        assert [(call.call, call.attempt) for call in await calls_of(world.connection, ID)] == [
            (1, 1),
            (1, 2),
            (2, 1),
            (3, 1),
            (4, 1),
            (5, 1),
        ]


async def test_the_end_of_a_generation_is_told_as_documented(world: Running, sink: WebhookSink) -> None:
    await world.do(request())
    await world.settle()
    (received,) = sink.journal.received
    assert received.content == {
        "event": "generation.completed",
        "timestamp": "2026-01-30T21:00:00Z",
        "data": {
            "generation_id": str(ID),
            "user_id": OWNER,
            "status": "completed",
            "mode": "lecture",
            "topic": "Machine learning",
            "duration_seconds": 0,
        },
    }
    assert await webhooks(world, "webhook_id, status, event_type, round") == [
        (received.headers["webhook-id"], "delivered", "generation.completed", 1)
    ]


async def webhooks(world: Running, columns: str) -> list[Row]:
    """These columns of every webhook, in the order in which they were queued."""
    return (await read(world.connection, [Statement(f"select {columns} from gccp_webhooks order by sequence")]))[0]


async def test_a_failed_generation_is_told_with_its_reason(world: Running, model: Model, sink: WebhookSink) -> None:
    model.verdicts.append(Rejected("invalid_request_error", "no such model"))
    await world.do(request())
    await world.settle()
    (received,) = sink.journal.received
    assert received.content["event"] == "generation.failed"
    assert (
        received.content["data"]
        | {"status": "failed", "code": "ANTHROPIC_ERROR", "error": "no such model", "failed_step": "TopicAnalysis"}
        == received.content["data"]
    )


async def test_webhooks_that_did_not_get_through_are_recovered_from_a_position(
    database: str, model: Model, sink: WebhookSink
) -> None:
    sink.behave(failing(410))
    ids = [ID, uuid4(), uuid4()]
    async with running(database, model, sink.url) as world:
        for id_ in ids:
            await world.do(request(generation_id=id_))
            await world.settle()
        (state,) = await endpoints(world.connection, "gccp")
        assert (state.health, state.origin) == ("disabled", sink.url)
        left = await undelivered(world.connection, "gccp", ENDPOINT)
        assert await webhooks(world, "webhook_id, status") == [
            (row.webhook_id, status) for row, status in zip(left, ("failed", "held", "held"), strict=True)
        ]
    async with running(database, model, sink.url) as world:
        await world.do(EnableWebhookEndpoint(at=START, endpoint_id=ENDPOINT))
        for row in await undelivered(world.connection, "gccp", ENDPOINT, after=left[0].sequence):
            await world.do(
                RecoverWebhook(at=START, endpoint_id=ENDPOINT, webhook_id=row.webhook_id, data_subject=row.data_subject)
            )
        await world.settle()
        assert await undelivered(world.connection, "gccp", ENDPOINT) == left[:1]
    assert sorted(r.content["data"]["generation_id"] for r in sink.journal.received) == sorted(map(str, ids[1:]))


async def test_a_webhook_in_trouble_is_seen_waiting(world: Running, sink: WebhookSink) -> None:
    sink.behave(failing(404))
    await world.do(request())
    await world.settle()
    assert await webhooks(world, "status, code, resume_at") == [("put_off", "http_404", later(300))]
    (state,) = await endpoints(world.connection, "gccp")
    assert state.failing_since == START
    world.clock.advance(timedelta(minutes=5))
    await world.settle()
    (recovered,) = await endpoints(world.connection, "gccp")
    assert recovered.failing_since is None
    await world.do(DisableWebhookEndpoint(at=later(400), endpoint_id=ENDPOINT, reason="asked to"))
    (disabled,) = await endpoints(world.connection, "gccp")
    assert (disabled.health, disabled.reason) == ("disabled", "asked to")


async def test_an_erased_owner_s_texts_are_gone_and_the_figures_remain(world: Running) -> None:
    await world.do(request())
    await world.settle()
    await world.do(EraseSubject(at=later(9), partition_key=OWNER, erased=f"gccp:{OWNER}"))
    row = await world.generation()
    assert (row.topic, row.subtopics, row.status) == (None, None, "completed")
    content = await content_of(world.connection, ID)
    assert content is not None
    assert content.text is None
    assert (await usage_of(world.connection, OWNER, DAY, DAY))[0].cost_microcents == 1_500


async def test_proxied_calls_are_seen_with_what_they_used(world: Running) -> None:
    used = Usage(model="claude", input_tokens=15, output_tokens=150, cost_microcents=2_000)
    base: dict[str, Any] = {"at": START, "owner": OWNER}
    end: dict[str, Any] = {**base, "usage": used, "duration_ms": 900}
    first, second, third = (uuid4() for _ in range(3))
    for call, streamed in ((first, True), (second, True), (third, False)):
        await world.do(StartAiCall(**base, call_id=call, streamed=streamed, model="claude", max_tokens=10))
    await world.do(CompleteAiCall(**end, call_id=first, stop_reason="x", first_chunk_ms=9, disconnected=True))
    await world.do(FailAiCall(**end, call_id=second, code="overloaded_error", reason="busy"))
    await world.do(CompleteAiCall(**end, call_id=third, stop_reason="end_turn"))
    rows = {row.call_id: row for row in await ai_calls_of(world.connection, OWNER, 10)}
    assert [rows[call].status for call in (first, second, third)] == ["disconnected", "failed", "completed"]
    assert {row.cost_microcents for row in rows.values()} == {2_000}
    assert (rows[first].first_chunk_ms, rows[third].first_chunk_ms) == (9, None)
    by_kind = {row.kind: (row.calls, row.cost_microcents) for row in await usage_of(world.connection, OWNER, DAY, DAY)}
    assert by_kind == {"stream": (2, 4_000), "reply": (1, 2_000)}


async def test_exports_are_seen_the_latest_first(world: Running) -> None:
    base: dict[str, Any] = {"owner": OWNER, "content_bytes": 9, "duration_ms": 30}
    await world.do(RecordPdfExport(**base, at=START, export_id=uuid4(), filename="a.pdf", pages=3, pdf_bytes=99))
    await world.do(RecordPdfExportFailure(**base, at=later(1), export_id=uuid4(), code="too_long", reason="500 pages"))
    rows = await exports_of(world.connection, OWNER, 10)
    assert [(row.status, row.filename, row.pages, row.code) for row in rows] == [
        ("failed", None, None, "too_long"),
        ("exported", "a.pdf", 3, None),
    ]
