"""The product's main job end to end: from a topic to a course, a document and a webhook."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from domain.gccp.course import Counts, Step, parse_assignment
from tests.api.gccp.conftest import KEY, with_anthropic
from tests.api.gccp.service import Service, bearer, serving
from tests.api.gccp.test_pdf import pages
from tests.imitations import failing
from tests.imitations.anthropic import AnthropicServer, error
from tests.imitations.llm_server import Act
from tests.imitations.webhook_sink import SECRET, WebhookSink

STEPS = [step.value for step in Step]
COURSE: dict[str, Any] = {
    "topic": "Introduction to Machine Learning",
    "subtopics": "supervised learning, unsupervised learning, neural networks",
    "transcript": "Machine learning is a subset of artificial intelligence. Supervised learning uses labelled data. "
    "Neural networks are computational models that are inspired by the brain.",
}
COUNTS = {"mcsc": 3, "mcmc": 2, "subjective": 1}
REFUSED = Act(status=400, body=error("invalid_request_error", "Scripted"))


async def ask(service: Service, mode: str = "lecture", **more: Any) -> str:
    answer = await service.client.post("/generate", json=COURSE | {"mode": mode} | more)
    assert answer.status_code == 200, answer.text
    id_: str = answer.json()["generation_id"]
    return id_


def assignment(**counts: int) -> str:
    """An assignment as a model might write it."""
    options = [{"label": label, "text": f"Option {label}"} for label in "ABCD"]
    wanted = COUNTS | counts
    choices = [
        {"type": kind, "question": f"{kind} {n}?", "options": options, "answer": right}
        for kind, right in (("mcsc", ["A"]), ("mcmc", ["A", "B"]))
        for n in range(wanted[kind])
    ]
    prose = [{"type": "subjective", "question": f"Why {n}?"} for n in range(wanted["subjective"])]
    return json.dumps({"topic": "T", "questions": choices + prose})


@pytest.mark.parametrize("mode", ["pre-read", "lecture"])
async def test_a_course_is_written_without_any_provider_says_so_and_becomes_a_pdf(service: Service, mode: str) -> None:
    told = await service.settled(await ask(service, mode))
    assert (told["status"], told["percent"], told["mode"]) == ("completed", 100, mode)
    assert [(step["step"], step["status"], step["calls"]) for step in told["steps"]] == [
        (step, "completed", 1) for step in STEPS
    ]
    content = told["content"]
    assert (content["format"], content["provider"]) == ("markdown", "offline")
    assert "No language model is configured" in content["notice"]
    assert "Supervised learning uses labelled data" in content["markdown"]
    answer = await service.client.post("/export/pdf", json={"content": content["markdown"], "title": COURSE["topic"]})
    assert "Introduction to Machine Learning" in "".join(pages(answer.content))


async def test_an_assignment_has_exactly_the_questions_that_were_asked_for(service: Service) -> None:
    told = await service.settled(await ask(service, "assignment", assignmentCounts=COUNTS))
    assert (told["status"], told["assignmentCounts"]) == ("completed", COUNTS)
    written = told["content"]
    assert (written["format"], written["markdown"]) == ("assignment", None)
    parse_assignment(json.dumps(written["assignment"]), Counts(**COUNTS))


async def test_an_assignment_with_the_wrong_number_of_questions_is_mended(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    right, wrong = Act(pieces=(assignment(),)), Act(pieces=(assignment(mcsc=1),))
    anthropic.script(Act(), wrong, right, Act(), right, right)
    told = await proxying.settled(await ask(proxying, "assignment", assignmentCounts=COUNTS))
    assert told["status"] == "completed"
    assert [step["calls"] for step in told["steps"]] == [1, 2, 1, 1, 1]
    assert told["usage"]["output_tokens"] == 6 * 150
    parse_assignment(json.dumps(told["content"]["assignment"]), Counts(**COUNTS))
    calls = (await proxying.client.get(f"/generations/{told['generation_id']}/calls")).json()["calls"]
    assert [call["result"] for call in calls] == ["completed", "unfit", *["completed"] * 4]


async def test_an_assignment_that_cannot_be_mended_fails_and_says_why(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(Act(), *[Act(pieces=(assignment(mcsc=1),))] * 3)
    told = await proxying.settled(await ask(proxying, "assignment", assignmentCounts=COUNTS))
    assert (told["status"], told["content"]) == ("failed", None)
    assert (told["failure"]["code"], told["failure"]["step"]) == ("GENERATION_FAILED", "DraftCreation")
    assert "3 mcsc" in told["failure"]["message"]
    assert told["usage"]["cost_usd"] > 0


async def test_each_step_goes_on_from_the_last_and_the_last_is_the_content(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(*(Act(pieces=(f"Written in {step}.",)) for step in STEPS))
    told = await proxying.settled(await ask(proxying))
    assert told["content"] == {
        "format": "markdown",
        "markdown": "Written in Formatting.",
        "assignment": None,
        "provider": "anthropic",
        "model": "claude-sonnet-4-5-20250929",
        "notice": None,
    }
    prompts = [json.dumps(received.json["messages"]) for received in anthropic.received]
    assert COURSE["transcript"][:40] in prompts[0]
    assert "Written in TopicAnalysis" in prompts[1]
    assert "Written in Refinement" in prompts[4]
    assert told["usage"] == {
        "calls": 5,
        "input_tokens": 75,
        "output_tokens": 750,
        "cost_usd": pytest.approx(5 * (45 + 2250) / 1e6),
    }


async def test_a_failed_generation_is_retried_from_the_step_that_failed_and_no_other_is_repeated(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(Act(pieces=("One.",)), Act(pieces=("Two.",)), REFUSED)
    id_ = await ask(proxying)
    failed = await proxying.settled(id_)
    assert (failed["status"], failed["percent"], failed["current_step"]) == ("failed", 40, "Review")
    assert failed["failure"] == {
        "code": "ANTHROPIC_ERROR",
        "cause": "invalid_request_error",
        "step": "Review",
        "message": "Scripted",
    }
    answer = await proxying.client.post("/retry", json={"generation_id": id_})
    assert answer.json() == {"success": True, "generation_id": id_, "resumed_from": "Review"}
    told = await proxying.settled(id_)
    assert (told["status"], told["resumed_from"], told["failure"]) == ("completed", "Review", None)
    assert len(anthropic.received) == 6
    again = await proxying.client.post("/retry", json={"generation_id": id_})
    assert (again.status_code, again.json()["code"]) == (400, "RETRY_FAILED")


async def test_a_generation_is_cancelled_and_what_its_open_call_costs_is_recorded(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    anthropic.script(Act(), Act(hold_after=1))
    id_ = await ask(proxying)
    async with asyncio.timeout(60):
        while len(anthropic.received) < 2:
            await asyncio.sleep(0.01)
    answer = await proxying.client.post(f"/generations/{id_}/cancel")
    assert answer.json() == {"success": True, "generation_id": id_, "status": "cancelled"}
    assert (await proxying.client.post(f"/generations/{id_}/cancel")).status_code == 200
    anthropic.release()
    sql = "select result, output_tokens from gccp_generation_calls where call = 2"
    assert await proxying.until(bool, sql) == [("discarded", 150)]
    assert (await proxying.generation(id_))["status"] == "cancelled"
    assert len(anthropic.received) == 2
    retried = await proxying.client.post("/retry", json={"generation_id": id_})
    assert (retried.status_code, retried.json()["code"]) == (400, "RETRY_FAILED")


async def test_what_is_over_cannot_be_cancelled(service: Service) -> None:
    id_ = await ask(service)
    await service.settled(id_)
    answer = await service.client.post(f"/generations/{id_}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (400, "CANCEL_FAILED")


async def test_the_same_key_is_one_generation_and_another_body_under_it_a_conflict(service: Service) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = [
        await service.client.post("/generate", json=COURSE | {"mode": "lecture"}, headers=headers) for _ in range(2)
    ]
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await service.client.post("/generate", json=COURSE | {"mode": "pre-read"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    somebody_else = await service.client.post(
        "/generate", json=COURSE | {"mode": "lecture"}, headers=headers | bearer(str(uuid4()))
    )
    assert somebody_else.json()["generation_id"] != first.json()["generation_id"]


async def test_a_user_finds_their_generations_page_by_page(service: Service) -> None:
    made = [await ask(service) for _ in range(5)]
    found: list[str] = []
    page = (await service.client.get("/generations?limit=2")).json()
    while page["next"]:
        found += [one["generation_id"] for one in page["generations"]]
        page = (await service.client.get(f"/generations?limit=2&before={page['next']}")).json()
    assert [*found, *(one["generation_id"] for one in page["generations"])] == made[::-1]


async def test_the_outcome_of_a_write_can_be_looked_up(service: Service) -> None:
    await ask(service)
    ((command,),) = await service.rows(
        "select command_id from headwater.journal where name = 'gccp.generation.queued.v1'"
    )
    answer = await service.client.get(f"{service.url}/gccp/outcomes/{command}")
    assert (answer.json()["status"], answer.json()["error"]) == ("accepted", None)


async def test_completion_and_failure_are_told_to_the_webhook_signed_and_again_until_they_are_taken(
    database: str,
) -> None:
    with WebhookSink() as sink:
        sink.behave(failing(503, headers={"Retry-After": "0"}))
        async with AnthropicServer() as anthropic:
            config = with_anthropic(anthropic, GCCP_WEBHOOK_URL=f"{sink.url}/hook", GCCP_WEBHOOK_SECRET=SECRET)
            async with serving(database, config) as service:
                done = await service.settled(await ask(service))
                (told,) = await asyncio.to_thread(sink.journal.wait_for, 1)
                anthropic.script(REFUSED)
                failed = await service.settled(await ask(service))
                (_, other) = await asyncio.to_thread(sink.journal.wait_for, 2)
                user = service.user
    assert told.content.keys() == {"event", "timestamp", "data"}
    assert told.content["event"] == "generation.completed"
    assert told.content["data"] == {
        "generation_id": done["generation_id"],
        "user_id": user,
        "status": "completed",
        "mode": "lecture",
        "topic": COURSE["topic"],
        "duration_seconds": round(done["duration_seconds"]),
    }
    assert (other.content["event"], other.content["data"]["generation_id"]) == (
        "generation.failed",
        failed["generation_id"],
    )
    assert sink.journal.requests == 3


async def test_ollama_writes_courses_with_its_own_model(database: str) -> None:
    from tests.imitations.ollama import OllamaServer

    async with OllamaServer() as ollama:
        async with serving(database, {"OLLAMA_BASE_URL": ollama.url, "OLLAMA_MODEL": "llama3.2"}) as service:
            told = await service.settled(await ask(service))
        assert (told["content"]["provider"], told["content"]["model"]) == ("ollama", "llama3.2")
        assert {received.json["model"] for received in ollama.received} == {"llama3.2"}


async def test_no_answer_and_no_record_holds_the_providers_key(proxying: Service, anthropic: AnthropicServer) -> None:
    anthropic.script(Act(status=401, body=error("authentication_error", f"invalid x-api-key: {KEY}")))
    told = await proxying.settled(await ask(proxying))
    assert told["status"] == "failed"
    assert KEY not in json.dumps(told)
    assert (
        await proxying.rows("select 1 from headwater.journal where convert_from(data, 'utf8') like %s", f"%{KEY}%")
        == []
    )
