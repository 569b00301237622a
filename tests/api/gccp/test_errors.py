"""Every error that the document names, and what of its answers is more than a shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from time import sleep, time
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.api.gccp.conftest import Shared
from tests.imitations.anthropic import error
from tests.imitations.llm_server import Act

CONTRACT: dict[str, Any] = json.loads((Path(__file__).parent / "contract.json").read_text())
ENDPOINTS: dict[str, dict[str, Any]] = {one["id"]: one for one in CONTRACT["endpoints"]}
ERRORS = [(id_, stated["status"], stated["code"]) for id_, one in ENDPOINTS.items() for stated in one["errors"]]
GUARDED = [id_ for id_, one in ENDPOINTS.items() if not one["auth"].startswith("none")]
GENERATE = ENDPOINTS["generate"]["request_example"]
TALK = ENDPOINTS["stream"]["request_example"]


def request(shared: Shared, id_: str, user: str | None = None, **changed: Any) -> httpx2.Response:
    """The documented request, with some fields changed."""
    one = ENDPOINTS[id_]
    body = None if one["request_example"] is None else {**one["request_example"], **changed}
    return shared.ask(one["method"], one["path"].removeprefix("/api"), user, json=body)


def failed_generation(shared: Shared, user: str) -> str:
    """The id of a generation of that user that failed in its second step.

    Generations of earlier tests may still be asking the same provider and take what was scripted for this one; then
    another one is tried.
    """
    refused = Act(status=400, body=error("invalid_request_error", "Scripted"))
    for _ in range(10):
        shared.anthropic.script(Act(), refused)
        id_: str = request(shared, "generate", user).json()["generation_id"]
        if ended(shared, user, id_) == "failed":
            return id_
    raise AssertionError("no generation failed")


def ended(shared: Shared, user: str, id_: str) -> str:
    """The status of a generation once it is over; asked now and then, as reading is limited too."""
    deadline = time() + 30
    while True:
        answer = shared.ask("GET", f"/generations/{id_}", user)
        told = answer.json()
        if answer.status_code == 200 and told["status"] in ("completed", "failed"):
            return str(told["status"])
        assert time() < deadline, told
        sleep(0.2)


def prepared(shared: Shared, id_: str, user: str) -> dict[str, Any]:
    """What the documented request of an endpoint needs changed to be about something that exists."""
    return {"generation_id": failed_generation(shared, user)} if id_ == "retry" else {}


def test_the_pdf_comes_with_the_documented_headers(shared: Shared) -> None:
    answer = request(shared, "export-pdf")
    documented = ENDPOINTS["export-pdf"]["response_headers"]
    assert answer.headers["Content-Disposition"] == documented["Content-Disposition"]
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_the_stream_is_written_as_the_document_writes_it(shared: Shared) -> None:
    shared.anthropic.script(Act(pieces=("Neural networks are...", "computational models...")))
    assert request(shared, "stream").text.strip() == ENDPOINTS["stream"]["response_stream_example"]


def _missing(field: str) -> Callable[[Shared, str], httpx2.Response]:
    def provoke(shared: Shared, id_: str) -> httpx2.Response:
        return request(shared, id_, **{field: None})

    return provoke


def _anonymous(shared: Shared, id_: str) -> httpx2.Response:
    one = ENDPOINTS[id_]
    return shared.client.request(one["method"], f"/gccp{one['path']}", json=one["request_example"])


def _too_often(shared: Shared, id_: str) -> httpx2.Response:
    user, one = str(uuid4()), ENDPOINTS[id_]
    for _ in range(one["rate_limit"]["requests"]):
        shared.ask(one["method"], one["path"].removeprefix("/api"), user, content=b"{}")
    return request(shared, id_, user)


def _retry_of(who: str) -> Callable[[Shared, str], httpx2.Response]:
    def provoke(shared: Shared, id_: str) -> httpx2.Response:
        owner = str(uuid4())
        if who == "nobody":
            return request(shared, id_, owner, generation_id=str(uuid4()))
        if who == "other":
            return request(shared, id_, str(uuid4()), generation_id=failed_generation(shared, owner))
        running: str = request(shared, "generate", owner).json()["generation_id"]
        assert ended(shared, owner, running) == "completed"
        return request(shared, id_, owner, generation_id=running)

    return provoke


def _upstream(shared: Shared, id_: str) -> httpx2.Response:
    shared.anthropic.script(Act(status=529, body=error("overloaded_error", "Overloaded")))
    return request(shared, id_)


PROVOKED: dict[tuple[str, int, str], Callable[[Shared, str], httpx2.Response]] = {
    ("generate", 400, "MISSING_FIELDS"): _missing("topic"),
    ("generate", 400, "INVALID_FIELDS"): lambda shared, id_: request(shared, id_, mode="podcast"),
    ("export-pdf", 400, "MISSING_CONTENT"): _missing("content"),
    ("retry", 400, "MISSING_GENERATION_ID"): _missing("generation_id"),
    ("retry", 403, "FORBIDDEN"): _retry_of("other"),
    ("retry", 404, "NOT_FOUND"): _retry_of("nobody"),
    ("retry", 400, "RETRY_FAILED"): _retry_of("self"),
    ("stream", 400, "MISSING_FIELDS"): _missing("model"),
    ("stream-nonstreaming", 400, "MISSING_FIELDS"): _missing("messages"),
    ("stream", 500, "ANTHROPIC_ERROR"): _upstream,
    ("stream-nonstreaming", 500, "ANTHROPIC_ERROR"): _upstream,
    **{(id_, 401, "UNAUTHORIZED"): _anonymous for id_ in GUARDED},
    **{(id_, 429, "RATE_LIMITED"): _too_often for id_ in GUARDED},
}
BROKEN = {
    ("generate", 500, "GENERATION_FAILED"),
    ("export-pdf", 500, "PDF_GENERATION_FAILED"),
    ("export-pdf-health", 503, "SERVICE_UNAVAILABLE"),
    ("retry", 500, "RETRY_FAILED"),
}
"""Errors that only a broken service gives: see test_broken.py."""


def checked(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The body of an error in the document's envelope."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["code"] == code
    assert isinstance(body["error"], str)
    assert isinstance(body.get("details", ""), str)
    assert body.keys() <= {"error", "code", "details", "retry_after"}
    return body


def test_every_error_of_the_contract_is_provoked_here() -> None:
    assert set(ERRORS) == PROVOKED.keys() | BROKEN


@pytest.mark.parametrize(("id_", "status", "code"), PROVOKED)
def test_each_documented_error_comes_as_documented(shared: Shared, id_: str, status: int, code: str) -> None:
    checked(PROVOKED[id_, status, code](shared, id_), status, code)


def test_429_is_written_as_the_document_writes_it(shared: Shared) -> None:
    answer = _too_often(shared, "generate")
    body = checked(answer, 429, "RATE_LIMITED")
    assert body["error"] == CONTRACT["rate_limits"]["response_429"]["body"]["error"]
    assert body["retry_after"] == int(answer.headers["Retry-After"])
    assert 0 < body["retry_after"] <= 60
    assert answer.headers["X-RateLimit-Remaining"] == "0"
