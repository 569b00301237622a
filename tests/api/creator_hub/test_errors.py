"""What goes wrong: one envelope, a field for every fault, and nothing about what belongs to others."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.creator_hub.creator import Creator
from tests.api.creator_hub.surface import FLOW, MOUNT

OF_THINGS = [
    ("GET", "/knowledge-bases/{}", None),
    ("GET", "/knowledge-bases/{}/documents", None),
    ("POST", "/knowledge-bases/{}/documents", None),
    ("GET", "/programs/{}", None),
    ("PUT", "/programs/{}", {"name": "Mine now"}),
    ("POST", "/programs/{}/publish", None),
    ("POST", "/programs/{}/archive", None),
    ("GET", "/programs/{}/versions", None),
    ("GET", "/programs/{}/drop-off", None),
    ("GET", "/users/{}", None),
    ("PUT", "/users/{}", {"language": "de"}),
    ("POST", "/users/{}/escalation/resolve", None),
    ("PUT", "/channels/{}", {"channel_name": "Mine now"}),
    ("GET", "/channels/{}/analytics", None),
    ("GET", "/analytics/export/{}", None),
    ("GET", "/analytics/export/{}/download", None),
]
"""Requests about one thing, but its id."""


def owned(creator: Creator) -> dict[str, str]:
    """The ids of things of a creator, by the first part of their paths."""
    creator.visitor(creator.channel()).write("Hello")
    body = {"metrics": ["users"], "start_date": "2026-01-01", "end_date": "2026-01-02", "format": "csv"}
    return {
        "knowledge-bases": creator.ok("POST", "/knowledge-bases", {"name": "Mine"})["id"],
        "programs": creator.program(),
        "users": creator.users()[0]["id"],
        "channels": creator.channels()[0]["id"],
        "analytics": creator.ok("POST", "/analytics/export", body)["export_id"],
    }


@pytest.fixture(scope="module")
def foreign(hub: Any) -> dict[str, str]:
    with Creator(hub, f"creator-{uuid4()}") as somebody:
        return owned(somebody)


@pytest.mark.parametrize(("method", "path", "body"), OF_THINGS)
def test_what_is_anothers_is_as_unknown_as_what_is_nowhere(
    creator: Creator, foreign: dict[str, str], method: str, path: str, body: object
) -> None:
    ids = (foreign[path.split("/")[1]], str(uuid4()), "no-uuid", "1")
    errors = [creator.refused(404, method, path.format(id_), body) for id_ in ids]
    assert all(UUID(error.pop("request_id")) for error in errors)
    nothing = {"code": "RESOURCE_NOT_FOUND", "message": "Requested resource doesn't exist", "details": []}
    assert errors == [nothing] * len(ids)


def test_one_creators_lists_and_figures_hold_nothing_of_anothers(creator: Creator, foreign: dict[str, str]) -> None:
    lists = [creator.ok("GET", f"/{name}") for name in ("programs", "users", "channels", "knowledge-bases")]
    assert [next(iter(found.values())) for found in lists] == [[], [], [], []]
    assert creator.ok("GET", "/analytics/overview")["summary"]["total_users"] == 0


def test_neither_may_be_enrolled_by_another(creator: Creator, foreign: dict[str, str]) -> None:
    own = owned(creator)
    for user, program in ((own["users"], foreign["programs"]), (foreign["users"], own["programs"])):
        creator.refused(404, "POST", f"/users/{user}/programs/{program}/enroll")
    assert creator.ok("POST", f"/users/{own['users']}/programs/{own['programs']}/enroll")["status"] == "active"


def test_every_fault_of_a_body_has_its_field(creator: Creator) -> None:
    body = {"metrics": ["users", "money"], "start_date": "2026-02-30", "format": "csv", "email": "nobody"}
    error = creator.refused(422, "POST", "/analytics/export", body)
    assert (error["code"], error["message"]) == ("VALIDATION_ERROR", "The request contains invalid data")
    found = {one["field"]: one["message"] for one in error["details"]}
    assert found.keys() == {"metrics.1", "start_date", "end_date", "email"}
    assert found["email"] == "Invalid email format"
    assert found["end_date"] == "Missing required field"


def test_a_range_that_ends_before_it_begins_is_refused(creator: Creator) -> None:
    for path in ("/analytics/detailed?metric=users&", "/proactive-engine/analytics?"):
        error = creator.refused(422, "GET", f"{path}start_date=2026-01-03&end_date=2026-01-02")
        assert error["details"] == [{"field": "end_date", "message": "must not be before start_date"}]


def test_a_flow_that_cannot_be_published_names_its_nodes(creator: Creator) -> None:
    lonely = {"id": "lonely", "type": "send_message", "data": {"message": " "}}
    flow = {**FLOW, "nodes": [*FLOW["nodes"], lonely]}
    program = creator.ok("POST", "/programs", {"name": "A program", "flow_definition": flow})["id"]
    error = creator.refused(422, "POST", f"/programs/{program}/publish")
    assert {one["field"] for one in error["details"]} == {"lonely"}
    assert error["message"] != "The request contains invalid data"
    wrong = {"nodes": [{"id": "a"}], "edges": [{"source": "a", "target": "b"}]}
    error = creator.refused(422, "POST", "/programs", {"name": "A program", "flow_definition": wrong})
    fields = {one["field"] for one in error["details"]}
    assert fields == {"flow_definition.nodes.0.type", "flow_definition.edges.0.target"}


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", 404), ("/programs/1", 404), ("/programs?page=0", 422), ("/programs", 200)]
)
def test_every_answer_to_a_known_caller_says_what_is_left(creator: Creator, path: str, status: int) -> None:
    answer = creator.ask("GET", path)
    assert answer.status_code == status
    assert {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= {
        name.title().replace("Ratelimit", "RateLimit") for name in answer.headers
    }


def test_nothing_is_said_about_limits_to_nobody(creator: Creator) -> None:
    answer = creator.product.http.get(f"/{MOUNT}/api/v1/nowhere")
    assert (answer.status_code, "x-ratelimit-limit" in answer.headers) == (404, False)
