"""What the surface says when something behind it is broken or away: its own codes, and nothing of what broke."""

from __future__ import annotations

from uuid import uuid4

import httpx2
import pytest

from api.counters import InProcessCounters
from api.gccp.app import build
from streams.core.envelope import Envelope, Outcome
from streams.core.gateway import Pending, Unavailable
from streams.core.secrets import Secrets
from tests.api.gccp.service import Service
from tests.imitations.anthropic import AnthropicServer, error
from tests.imitations.llm_server import Act

COURSE = {"topic": "Machine learning", "subtopics": "supervised, unsupervised", "mode": "lecture"}
TALK = {"messages": [{"role": "user", "content": "Explain"}], "model": "claude-sonnet-4-5-20250929"}


class BrokenLog:
    """An engine whose log answers every command in the same way: by raising this."""

    def __init__(self, running: Service, raising: Exception) -> None:
        runtime = running.runtime
        self.reads, self.clock, self.mapper, self.partitions = (
            runtime.reads,
            runtime.clock,
            runtime.mapper,
            runtime.partitions,
        )
        self.gateway, self.writable, self.commits = self, False, runtime.commits
        self._raising = raising

    async def submit(self, envelope: Envelope, timeout_seconds: float) -> Outcome:
        raise Pending(envelope.command_id) if isinstance(self._raising, Pending) else self._raising

    async def outcome(self, context: str, command_id: object) -> Outcome | None:
        return None


def break_log(service: Service, raising: Exception) -> None:
    """From now on, requests are served by this."""
    service.edge._surfaces = {
        "gccp": build(BrokenLog(service, raising), InProcessCounters(), Secrets(bytes(32)), service.own)
    }


async def failed_generation(service: Service, anthropic: AnthropicServer) -> str:
    anthropic.script(Act(status=400, body=error("invalid_request_error", "Scripted")))
    id_: str = (await service.client.post("/generate", json=COURSE)).json()["generation_id"]
    assert (await service.settled(id_))["status"] == "failed"
    return id_


def code(answer: httpx2.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert "on purpose" not in answer.text
    told: str = answer.json()["code"]
    return told


async def requests(service: Service, id_: str) -> dict[str, httpx2.Response]:
    client = service.client
    return {
        "generate": await client.post("/generate", json=COURSE),
        "pdf": await client.post("/export/pdf", json={"content": "# Hello"}),
        "retry": await client.post("/retry", json={"generation_id": id_}),
        "cancel": await client.post(f"/generations/{id_}/cancel"),
        "stream": await client.post("/stream", json=TALK),
        "reply": await client.put("/stream", json=TALK),
    }


async def test_a_fault_of_our_own_has_the_endpoints_code_and_tells_nothing(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    id_ = await failed_generation(proxying, anthropic)
    break_log(proxying, RuntimeError("broken on purpose"))
    codes = {name: code(answer, 500) for name, answer in (await requests(proxying, id_)).items()}
    assert codes == {
        "generate": "GENERATION_FAILED",
        "pdf": "PDF_GENERATION_FAILED",
        "retry": "RETRY_FAILED",
        "cancel": "INTERNAL_ERROR",
        "stream": "INTERNAL_ERROR",
        "reply": "INTERNAL_ERROR",
    }


async def test_while_the_log_is_away_nothing_is_paid_for_and_everything_can_be_repeated(
    proxying: Service, anthropic: AnthropicServer
) -> None:
    id_ = await failed_generation(proxying, anthropic)
    before = len(anthropic.received)
    break_log(proxying, Unavailable("away on purpose", maybe_recorded=False, retry_after=3))
    answers = await requests(proxying, id_)
    assert {code(answer, 503) for answer in answers.values()} == {"SERVICE_UNAVAILABLE"}
    assert {answer.headers["Retry-After"] for answer in answers.values()} == {"3"}
    assert len(anthropic.received) == before


async def test_an_outcome_that_is_late_can_be_asked_for(proxying: Service, anthropic: AnthropicServer) -> None:
    id_ = await failed_generation(proxying, anthropic)
    break_log(proxying, Pending(uuid4()))
    answers = await requests(proxying, id_)
    pdf = answers.pop("pdf")
    assert pdf.status_code == 200
    assert pdf.content.startswith(b"%PDF-")
    for answer in answers.values():
        assert code(answer, 202) == "PENDING"
        assert answer.headers["Location"].startswith("/gccp/outcomes/")


async def test_without_a_renderer_exports_fail_and_its_health_says_so(service: Service) -> None:
    await service.own.pdf.close()
    answer = await service.client.post("/export/pdf", json={"content": "# Hello"})
    assert code(answer, 500) == "PDF_GENERATION_FAILED"
    health = await service.client.get("/export/pdf", headers={"Authorization": ""})
    assert code(health, 503) == "SERVICE_UNAVAILABLE"


async def test_without_the_database_reads_say_so(service: Service) -> None:
    await service.runtime.reads.close()
    answer = await service.client.get("/generations")
    assert code(answer, 503) == "SERVICE_UNAVAILABLE"


@pytest.mark.parametrize("path", ["/nothing", "/generations/x/y/z", "/outcomes/00000000-0000-4000-8000-000000000000"])
async def test_what_is_not_there_is_404_in_the_documents_envelope(service: Service, path: str) -> None:
    where = f"{service.url}/gccp{path}" if path.startswith("/outcomes") else path
    assert code(await service.client.get(where), 404) == "NOT_FOUND"


async def test_a_method_that_is_not_there_is_405_in_the_documents_envelope(service: Service) -> None:
    answer = await service.client.delete("/generate")
    assert code(answer, 405) == "METHOD_NOT_ALLOWED"
    assert answer.headers["Allow"] == "POST"
