"""Whatever is sent, the answer is a 4xx in the document's envelope, and never a 500."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from api.actions import POSITION
from api.gccp.fields import LONGEST_RECORDED
from tests.api.gccp.conftest import Shared

COURSE: dict[str, Any] = {"topic": "T", "subtopics": "a, b", "mode": "lecture"}
ASSIGNMENT = COURSE | {"mode": "assignment", "assignmentCounts": {"mcsc": 1, "mcmc": 0, "subjective": 0}}
TALK: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "model": "claude-sonnet-4-5-20250929"}
PDF: dict[str, Any] = {"content": "# Hello"}
RETRY: dict[str, Any] = {"generation_id": "550e8400-e29b-41d4-a716-446655440000"}
BODIES = {
    ("POST", "/generate"): COURSE,
    ("POST", "/export/pdf"): PDF,
    ("POST", "/retry"): RETRY,
    ("POST", "/stream"): TALK,
    ("PUT", "/stream"): TALK,
}
MISSING = {
    "/generate": "MISSING_FIELDS",
    "/export/pdf": "MISSING_CONTENT",
    "/retry": "MISSING_GENERATION_ID",
    "/stream": "MISSING_FIELDS",
}
HUGE = 10**400


def counts(**changed: Any) -> dict[str, Any]:
    return ASSIGNMENT | {"assignmentCounts": {**ASSIGNMENT["assignmentCounts"], **changed}}


def talk(*messages: Any, **changed: Any) -> dict[str, Any]:
    return TALK | {"messages": list(messages)} | changed


INVALID: list[tuple[str, dict[str, Any], str]] = [
    ("/generate", COURSE | {"topic": None}, "MISSING_FIELDS"),
    ("/generate", COURSE | {"topic": "   "}, "MISSING_FIELDS"),
    ("/generate", COURSE | {"subtopics": ", ,"}, "MISSING_FIELDS"),
    ("/generate", COURSE | {"mode": None}, "MISSING_FIELDS"),
    ("/generate", {"mode": "podcast"}, "MISSING_FIELDS"),
    ("/generate", COURSE | {"mode": "podcast"}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"mode": "Lecture"}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"topic": 5}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"topic": {"a": 1}}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"topic": "x" * 501}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"topic": "nul\0"}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"subtopics": ["a", "b"]}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"subtopics": "x" * 5_001}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"transcript": "x" * 150_001}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"transcript": 1.5}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"mode": "assignment"}, "MISSING_FIELDS"),
    ("/generate", counts(mcsc=0), "MISSING_FIELDS"),
    ("/generate", counts(mcmc=None), "MISSING_FIELDS"),
    ("/generate", counts(mcsc=-1), "INVALID_FIELDS"),
    ("/generate", counts(mcsc=1.5), "INVALID_FIELDS"),
    ("/generate", counts(mcsc="1"), "INVALID_FIELDS"),
    ("/generate", counts(mcsc=True), "INVALID_FIELDS"),
    ("/generate", counts(mcsc=101), "INVALID_FIELDS"),
    ("/generate", counts(mcsc=HUGE), "INVALID_FIELDS"),
    ("/generate", ASSIGNMENT | {"assignmentCounts": 5}, "INVALID_FIELDS"),
    ("/export/pdf", {"content": ""}, "MISSING_CONTENT"),
    ("/export/pdf", {"content": " \n\t"}, "MISSING_CONTENT"),
    ("/export/pdf", {"content": None}, "MISSING_CONTENT"),
    ("/export/pdf", {"content": 5}, "INVALID_FIELDS"),
    ("/export/pdf", {"content": ["# a"]}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"title": "x" * 501}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"filename": 5}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": "bold"}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"headerColor": "navy"}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"headerColor": '#fff") #eval("1'}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"fontSize": 5}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"fontSize": "11"}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"fontSize": HUGE}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"lineHeight": 0.5}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"margin": 5}}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"transcript": []}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"topic": []}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"mode": []}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"topic": "é" * 250}, "INVALID_FIELDS"),
    ("/generate", COURSE | {"assignmentCounts": []}, "INVALID_FIELDS"),
    ("/generate", ASSIGNMENT | {"assignmentCounts": []}, "INVALID_FIELDS"),
    ("/generate", ASSIGNMENT | {"assignmentCounts": ""}, "INVALID_FIELDS"),
    ("/generate", counts(mcsc=[]), "INVALID_FIELDS"),
    ("/generate", counts(mcsc=""), "INVALID_FIELDS"),
    ("/export/pdf", {"content": []}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"filename": []}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"title": []}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"author": []}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": []}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": ""}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"fontSize": []}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"fontSize": ""}}, "INVALID_FIELDS"),
    ("/export/pdf", PDF | {"styling": {"headerColor": []}}, "INVALID_FIELDS"),
    ("/retry", {"generation_id": []}, "INVALID_FIELDS"),
    ("/stream", TALK | {"messages": ""}, "INVALID_FIELDS"),
    ("/stream", TALK | {"model": []}, "INVALID_FIELDS"),
    ("/stream", TALK | {"system": []}, "INVALID_FIELDS"),
    ("/stream", TALK | {"maxTokens": []}, "INVALID_FIELDS"),
    ("/stream", TALK | {"maxTokens": ""}, "INVALID_FIELDS"),
    ("/stream", TALK | {"temperature": []}, "INVALID_FIELDS"),
    ("/stream", TALK | {"temperature": " "}, "INVALID_FIELDS"),
    ("/stream", talk({"role": "user", "content": []}), "INVALID_FIELDS"),
    ("/stream", talk({"role": [], "content": "x"}), "INVALID_FIELDS"),
    ("/retry", {"generation_id": ""}, "MISSING_GENERATION_ID"),
    ("/retry", {"generation_id": "not-a-uuid"}, "INVALID_FIELDS"),
    ("/retry", {"generation_id": 5}, "INVALID_FIELDS"),
    ("/stream", talk(), "INVALID_FIELDS"),
    ("/stream", TALK | {"model": ""}, "MISSING_FIELDS"),
    ("/stream", talk({"role": "user"}), "MISSING_FIELDS"),
    ("/stream", talk({"role": "user", "content": " "}), "MISSING_FIELDS"),
    ("/stream", talk({"role": "system", "content": "x"}), "INVALID_FIELDS"),
    ("/stream", talk({"role": "user", "content": [{"type": "text", "text": "x"}]}), "INVALID_FIELDS"),
    ("/stream", talk("hello"), "INVALID_FIELDS"),
    ("/stream", TALK | {"messages": "hello"}, "INVALID_FIELDS"),
    ("/stream", TALK | {"messages": TALK["messages"] * 1_001}, "INVALID_FIELDS"),
    ("/stream", TALK | {"model": 5}, "INVALID_FIELDS"),
    ("/stream", TALK | {"model": "x" * 501}, "INVALID_FIELDS"),
    ("/stream", TALK | {"maxTokens": 0}, "INVALID_FIELDS"),
    ("/stream", TALK | {"maxTokens": 1.5}, "INVALID_FIELDS"),
    ("/stream", TALK | {"maxTokens": "10"}, "INVALID_FIELDS"),
    ("/stream", TALK | {"maxTokens": 10**9}, "INVALID_FIELDS"),
    ("/stream", TALK | {"temperature": 1.1}, "INVALID_FIELDS"),
    ("/stream", TALK | {"temperature": -0.1}, "INVALID_FIELDS"),
    ("/stream", TALK | {"temperature": "hot"}, "INVALID_FIELDS"),
    ("/stream", TALK | {"system": 5}, "INVALID_FIELDS"),
]


def refused(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.json().keys() <= {"error", "code", "details"}
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(("path", "body", "code"), INVALID, ids=lambda value: str(value)[:60])
def test_what_is_missing_or_wrong_is_told(shared: Shared, path: str, body: dict[str, Any], code: str) -> None:
    told = refused(shared.ask("POST", path, json=body), 400, code)
    assert told["error"]
    if path == "/stream":
        refused(shared.ask("PUT", path, json=body), 400, code)


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_an_empty_body_lacks_what_is_required(shared: Shared, method: str, path: str) -> None:
    refused(shared.ask(method, path), 400, MISSING[path])
    refused(shared.ask(method, path, content=b"{}"), 400, MISSING[path])


def test_a_text_counts_as_many_bytes_as_its_record_takes(shared: Shared) -> None:
    """Each of these characters takes six bytes of JSON, and once encrypted eight."""
    body = COURSE | {"transcript": "a word" + "\x01" * 149_000}
    told = refused(shared.ask("POST", "/generate", json=body), 400, "INVALID_FIELDS")
    assert told["error"] == "Invalid transcript: takes more than 150000 bytes"


def test_every_value_that_is_wrong_is_named(shared: Shared) -> None:
    body = {"topic": 5, "subtopics": 6, "mode": "podcast"}
    details = refused(shared.ask("POST", "/generate", json=body), 400, "INVALID_FIELDS")["details"]
    assert all(field in details for field in body)


def test_what_is_missing_is_named_before_what_is_wrong(shared: Shared) -> None:
    told = refused(shared.ask("POST", "/generate", json={"mode": "podcast"}), 400, "MISSING_FIELDS")
    assert told["error"] == "Missing required fields: topic, subtopics"


def test_a_text_at_its_limit_is_taken_and_one_beyond_is_refused(shared: Shared) -> None:
    longest = {"topic": "t" * 498, "subtopics": "s" * 4_998, "transcript": "x" * 149_998}
    assert shared.ask("POST", "/generate", json=COURSE | longest).status_code == 200
    for field, text in longest.items():
        told = refused(shared.ask("POST", "/generate", json=COURSE | {field: f"{text}x"}), 400, "INVALID_FIELDS")
        assert told["error"] == f"{field} takes more than {len(text) + 2} bytes"


@pytest.mark.parametrize(("field", "most"), [("topic", 500), ("subtopics", 5_000), ("transcript", 150_000)])
def test_a_text_that_no_record_could_hold_is_refused_before_it_is_recorded(
    shared: Shared, field: str, most: int
) -> None:
    answer = shared.ask("POST", "/generate", json=COURSE | {field: "x" * (LONGEST_RECORDED - 1)})
    assert refused(answer, 400, "INVALID_FIELDS")["details"] == f"{field}: takes more than {most} bytes"
    assert POSITION not in answer.headers
    recorded = shared.ask("POST", "/generate", json=COURSE | {field: "x" * (LONGEST_RECORDED - 2)})
    assert refused(recorded, 400, "INVALID_FIELDS")["error"] == f"{field} takes more than {most} bytes"
    assert POSITION in recorded.headers


def test_fields_that_are_not_known_and_nulls_do_no_harm(shared: Shared) -> None:
    body = COURSE | {"transcript": None, "assignmentCounts": None, "user_id": "somebody", "x": {"y": [1]}}
    assert shared.ask("POST", "/generate", json=body).status_code == 200
    body = TALK | {"system": None, "maxTokens": None, "temperature": None, "stream": False}
    assert shared.ask("PUT", "/stream", json=body).status_code == 200
    body = PDF | {"title": None, "author": "", "filename": None, "styling": {"fontSize": None}}
    assert shared.ask("POST", "/export/pdf", json=body).status_code == 200


def test_counts_are_numbers_however_they_are_written_and_ignored_where_they_do_not_matter(shared: Shared) -> None:
    body = json.dumps(counts(mcsc=2)).replace('"mcsc": 2', '"mcsc": 2.0')
    assert shared.ask("POST", "/generate", content=body).status_code == 200
    zeros = COURSE | {"assignmentCounts": {"mcsc": 0, "mcmc": 0, "subjective": 0}}
    assert shared.ask("POST", "/generate", json=zeros).status_code == 200


def test_what_only_an_assignment_lacks_is_told_like_any_other_missing_field(shared: Shared) -> None:
    told = shared.ask("POST", "/generate", json=COURSE | {"mode": "assignment"}).json()
    assert told == {
        "error": "Missing required fields: assignmentCounts",
        "code": "MISSING_FIELDS",
        "details": "assignmentCounts: Field required",
    }


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/generations/not-a-uuid", 400),
        ("/generations/%00", 400),
        ("/generations?limit=0", 400),
        ("/generations?limit=101", 400),
        ("/generations?limit=x", 400),
        ("/generations?before=x", 400),
        (f"/generations?before={RETRY['generation_id']}", 404),
        (f"/generations/{RETRY['generation_id']}", 404),
        (f"/generations/{RETRY['generation_id']}/progress", 404),
        (f"/generations/{RETRY['generation_id']}/calls", 404),
        ("/usage?first=yesterday", 400),
        ("/usage?first=2026-02-30", 400),
        ("/usage?first=2030-01-01&last=2020-01-01", 400),
        ("/usage?first=0001-01-01&last=9999-12-31", 400),
        ("/usage?last=0001-01-02", 200),
        ("/usage?last=9999-12-31", 200),
    ],
)
def test_paths_and_queries_are_checked_too(shared: Shared, path: str, status: int) -> None:
    assert shared.ask("GET", path).status_code == status


def test_a_version_that_is_not_the_things_own_is_a_conflict(shared: Shared) -> None:
    refused(shared.ask("POST", "/generate", json=COURSE, headers={"If-Match": '"7"'}), 409, "VERSION_CONFLICT")
