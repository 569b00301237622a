"""Programs over HTTP: repeated writes answer as they did, and the end is final."""

from __future__ import annotations

from uuid import uuid4

from tests.api.creator_hub.creator import Creator
from tests.api.creator_hub.surface import FLOW


def test_a_repeated_publication_answers_as_it_did_whatever_came_since(creator: Creator) -> None:
    program = creator.ok("POST", "/programs", {"name": "A program", "flow_definition": FLOW})
    path, key = f"/programs/{program['id']}/publish", str(uuid4())
    first = creator.ask("POST", path, Idempotency_Key=key)
    assert (first.status_code, first.json()["version"]) == (200, 2)
    assert creator.ok("POST", path)["version"] == 3
    again = creator.ask("POST", path, Idempotency_Key=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    versions = creator.ok("GET", f"/programs/{program['id']}/versions")["versions"]
    assert [one["version"] for one in versions] == [3, 2]


def test_a_repeated_creation_answers_with_its_status(creator: Creator) -> None:
    body, key = {"name": "A program", "settings": {"auto_enroll": True, "badge_name": "Done"}}, str(uuid4())
    answers = [creator.ask("POST", "/programs", body, Idempotency_Key=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["flow_definition"] == {"nodes": [], "edges": []}
    assert creator.ok("GET", "/programs")["pagination"]["total"] == 1


def test_the_end_of_a_program_is_final_and_answers_the_same_again(creator: Creator) -> None:
    program = creator.program()
    first = creator.ok("POST", f"/programs/{program}/archive")
    creator.product.manual.advance(creator.product.clock.now().resolution * 5_000_000)
    assert creator.ok("POST", f"/programs/{program}/archive") == first
    assert first.keys() == {"id", "status", "archived_at", "version"}
    for method, path in (("PUT", f"/programs/{program}"), ("POST", f"/programs/{program}/publish")):
        assert creator.refused(422, method, path, {"name": "New"})["code"] == "VALIDATION_ERROR"


def test_an_enrolment_is_one_for_ever(creator: Creator) -> None:
    program = creator.program()
    creator.visitor(creator.channel()).write("Hello")
    path = f"/users/{creator.users()[0]['id']}/programs/{program}/enroll"
    first, second = (creator.ask("POST", path) for _ in range(2))
    assert [first.status_code, second.status_code] == [201, 200]
    assert first.json()["enrollment_id"] == second.json()["enrollment_id"]
    draft = creator.ok("POST", "/programs", {"name": "A draft"})["id"]
    creator.refused(422, "POST", path.replace(program, draft))


def test_a_version_that_is_over_is_412(creator: Creator) -> None:
    program = creator.program()
    answer = creator.ask("PUT", f"/programs/{program}", {"name": "New"}, If_Match='"1"')
    assert (answer.status_code, answer.json()["error"]["code"]) == (412, "VERSION_CONFLICT")


def test_a_part_that_is_not_given_stays(creator: Creator) -> None:
    program = creator.program(description="Old", settings={"auto_enroll": False})
    changed = creator.ok("PUT", f"/programs/{program}", {"name": "New", "description": None})
    assert (changed["name"], changed["description"], changed["status"]) == ("New", "Old", "published")
    assert changed["flow_definition"] == creator.ok("GET", f"/programs/{program}")["flow_definition"]
