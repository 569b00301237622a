"""The widget: visitors write, fetch and follow, each their own conversation alone."""

from __future__ import annotations

from uuid import uuid4

import orjson
import pytest

from tests.api.creator_hub.creator import Creator, Visitor
from tests.api.creator_hub.surface import API, MOUNT

PAGE = "https://coach.example.com"


def path(channel_id: str, more: str = "") -> str:
    return f"/{MOUNT}{API}/widget/{channel_id}{more}"


def texts(visitor: Visitor) -> list[str]:
    return [one["text"] for one in visitor.read()["messages"]]


def test_a_widget_shows_its_looks_and_nothing_of_its_owner(creator: Creator) -> None:
    id_ = creator.channel(widget_color="#007bff", welcome_message="Hello", knowledge_base_ids=[])
    found = creator.product.http.get(path(id_)).json()
    token = found.pop("visitor_token")
    assert found == {"channel_name": "A channel", "widget_color": "#007bff", "welcome_message": "Hello"}
    again = creator.product.http.get(path(id_), headers={"X-Visitor-Token": token}).json()
    assert again["visitor_token"] == token
    assert creator.product.http.get(path(id_)).json()["visitor_token"] != token


def test_a_visitor_reads_what_was_written_to_them_and_nobody_else_does(creator: Creator) -> None:
    id_ = creator.channel()
    ana, ben = creator.visitor(id_), creator.visitor(id_)
    ana.write("I cannot sleep")
    assert (texts(ana), texts(ben)) == (["I cannot sleep"], [])
    position = ana.read()["position"]
    ana.write("Since Monday")
    assert [one["text"] for one in ana.read(after=position)["messages"]] == ["Since Monday"]
    user = creator.users()[0]
    assert (user["channel"], user["profile_data"], user["total_interactions"]) == ("web", {"name": "Ana"}, 2)


@pytest.mark.parametrize(
    "spoilt", [lambda token: "", lambda token: token[:-1] + "10"[token[-1] == "1"], lambda token: "x" + token]
)
def test_a_token_that_was_not_made_for_the_widget_is_refused(creator: Creator, spoilt: object) -> None:
    id_ = creator.channel()
    visitor = creator.visitor(id_)
    assert callable(spoilt)
    wrong = (spoilt(visitor.token), creator.visitor(creator.channel()).token)
    visitor.write("Hello")
    for token in wrong:
        read = creator.product.http.get(path(id_, "/messages"), params={"visitor_token": token})
        written = creator.product.http.post(path(id_, "/messages"), json={"visitor_token": token, "text": "Hi"})
        assert (read.status_code, written.status_code) == (401, 401)


def test_a_message_that_is_repeated_under_its_key_counts_once(creator: Creator) -> None:
    visitor, key = creator.visitor(creator.channel()), str(uuid4())
    answers = [visitor.post("Hello", Idempotency_Key=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert texts(visitor) == ["Hello"]


def test_a_program_speaks_to_a_visitor_who_follows(creator: Creator) -> None:
    id_ = creator.channel()
    visitor = creator.visitor(id_)
    visitor.write("Hello")
    headers = {"Accept": "text/event-stream", "X-Visitor-Token": visitor.token}
    with creator.product.http.stream("GET", path(id_, "/messages"), headers=headers) as stream:
        lines = stream.iter_lines()
        first = [next(lines) for _ in range(3)]
        assert orjson.loads(first[1].removeprefix("data: "))["text"] == "Hello"
        creator.ok("POST", f"/users/{creator.users()[0]['id']}/programs/{creator.program()}/enroll")
        second = [next(lines) for _ in range(3)]
        said = orjson.loads(second[1].removeprefix("data: "))
        assert (said["text"], said["sender"]) == ("Welcome!", "creator")
    resumed = {**headers, "Last-Event-ID": first[0].removeprefix("id: ")}
    with creator.product.http.stream("GET", path(id_, "/messages"), headers=resumed) as stream:
        assert [line for line, _ in zip(stream.iter_lines(), range(2), strict=False)] == second[:2]


def test_a_widget_stands_on_the_pages_that_it_names(creator: Creator) -> None:
    http, choosy = creator.product.http, path(creator.channel(allowed_origins=[PAGE]))
    assert [http.get(choosy, headers=page).status_code for page in ({}, {"Origin": PAGE})] == [200, 200]
    refused = http.get(choosy, headers={"Origin": "https://evil.example.com"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
    anywhere = http.get(path(creator.channel()), headers={"Origin": "https://any.example.com"})
    assert (anywhere.status_code, anywhere.headers["Access-Control-Allow-Origin"]) == (200, "*")
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    assert http.request("OPTIONS", f"{choosy}/messages", headers=preflight).status_code == 200
    assert http.request("OPTIONS", f"/{MOUNT}{API}/programs", headers=preflight).status_code == 405


def test_a_channel_that_somebody_else_carries_has_no_widget(creator: Creator) -> None:
    for id_ in (creator.whatsapp(), str(uuid4()), "1"):
        assert creator.product.http.get(path(id_)).status_code == 404


def test_a_visitor_writes_so_often_a_minute_and_others_are_not_concerned(creator: Creator) -> None:
    id_ = creator.channel()
    talker, other = creator.visitor(id_), creator.visitor(id_)
    answers = [talker.post("Hello") for _ in range(31)]
    assert [one.status_code for one in answers] == [201] * 30 + [429]
    assert answers[0].headers["X-RateLimit-Remaining"] == "29"
    assert answers[-1].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert other.post("Hello").status_code == 201
