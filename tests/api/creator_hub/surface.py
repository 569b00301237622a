"""How the requests of this surface come about: knowledge bases, programs, channels and members that are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

import bootstrap
from api.auth import refresh_audience
from api.creator_hub.access import CREATOR, INCLUDES, READ
from tests.api.conformance import Fill, Filler, Operation, Surface
from tests.api.product import Served
from tests.api.schemas import Leeway

NAME, MOUNT = "creator_hub", "creator-hub"
API = "/api/v1"
TEXT = "A long breath out calms you. Breathe in for four counts, and out for six."
FLOW: dict[str, list[dict[str, Any]]] = {
    "nodes": [
        {"id": "start", "type": "start", "position": {"x": 0, "y": 0}, "data": {}},
        {"id": "hello", "type": "send_message", "position": {"x": 1.5, "y": 0}, "data": {"message": "Welcome!"}},
    ],
    "edges": [{"id": "e1", "source": "start", "target": "hello"}],
}


def filling(make: Callable[[Served, httpx2.Client], Fill]) -> Filler:
    """A filler that prepares by a client of this surface."""

    def fill(product: Served, subject: str) -> Fill:
        with product.client(NAME, API, subject) as client:
            return make(product, client)

    return fill


def made(client: httpx2.Client, path: str, body: Mapping[str, object] | None = None, method: str = "POST") -> Any:
    """The body of an answer that must be a success."""
    answer = client.request(method, path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


def _base(client: httpx2.Client) -> str:
    return str(made(client, "/knowledge-bases", {"name": "Breathing"})["id"])


def document(client: httpx2.Client, base_id: str, text: str = TEXT, name: str = "breathing.txt") -> str:
    """The id of a document that was uploaded."""
    answer = client.post(f"/knowledge-bases/{base_id}/documents", files={"file": (name, text.encode(), "text/plain")})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _in_base(product: Served, client: httpx2.Client) -> Fill:
    return Fill(path={"knowledge_base_id": _base(client)})


def _uploaded(product: Served, client: httpx2.Client) -> Fill:
    base_id = _base(client)
    path = {"knowledge_base_id": base_id, "document_id": document(client, base_id)}
    product.settle()
    return Fill(path=path)


def uploading(_address: str, body: object) -> tuple[bytes, dict[str, str]]:
    """A form with what a body says: a text as `file` is a file's. A form knows no null."""
    given = {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else {}
    file = given.pop("file", None)
    files = None if file is None else {"file": ("breathing.txt", str(file).encode(), "text/plain")}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    if files is None:  # a form without a file, which the client would not write as one
        part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
        lines = [part.format(*one) for one in texts.items()]
        return "".join([*lines, "--x--\r\n"]).encode(), {"Content-Type": "multipart/form-data; boundary=x"}
    request = httpx2.Request("POST", "http://localhost", files=files, data=texts)
    return request.read(), {"Content-Type": request.headers["content-type"]}


def _uploading(_product: Served, client: httpx2.Client) -> Fill:
    fields = {"file": TEXT, "title": "Breathing", "metadata": {"source": "a book"}}
    return Fill(path={"knowledge_base_id": _base(client)}, fields=fields, sign=uploading)


def _searched(product: Served, client: httpx2.Client) -> Fill:
    return _drop(_uploaded(product, client), "document_id")._replace(query={"query": "How do I calm down?"})


def _failed(product: Served, client: httpx2.Client) -> Fill:
    """A document whose text is none."""
    base_id = _base(client)
    path = {"knowledge_base_id": base_id, "document_id": document(client, base_id, " \n ")}
    product.settle()
    return Fill(path=path)


def _exported(product: Served, client: httpx2.Client) -> Fill:
    body = {"metrics": ["users"], "start_date": "2026-01-01", "end_date": "2026-01-02", "format": "csv"}
    export_id = made(client, "/analytics/export", body)["export_id"]
    product.settle()
    return Fill(path={"export_id": export_id})


def _program(client: httpx2.Client) -> str:
    return str(made(client, "/programs", {"name": "Weight Loss Journey", "flow_definition": FLOW})["id"])


def _published(client: httpx2.Client) -> str:
    program_id = _program(client)
    made(client, f"/programs/{program_id}/publish")
    return program_id


def _draft(_product: Served, client: httpx2.Client) -> Fill:
    return Fill(path={"program_id": _program(client)})


def _live(_product: Served, client: httpx2.Client) -> Fill:
    return Fill(path={"program_id": _published(client)})


def _channel(client: httpx2.Client) -> str:
    configuration = {"widget_color": "#007bff", "welcome_message": "Hello! How can I help you today?"}
    body = {"channel_type": "web", "channel_name": "Website Widget", "configuration": configuration}
    return str(made(client, "/channels", body)["id"])


def _web(_product: Served, client: httpx2.Client) -> Fill:
    return Fill(path={"channel_id": _channel(client)})


def member(product: Served, client: httpx2.Client, channel_id: str, text: str = "Hello!") -> str:
    """The id of somebody who has written on a channel's widget."""
    widget = f"/{MOUNT}{API}/widget/{channel_id}"
    visitor = product.http.get(widget).json()["visitor_token"]
    written = product.http.post(f"{widget}/messages", json={"visitor_token": visitor, "text": text, "name": "John Doe"})
    assert written.status_code == 201, written.text
    product.settle()
    return str(made(client, "/users?sort=created_at", method="GET")["users"][0]["id"])


def _written(product: Served, client: httpx2.Client) -> Fill:
    """A member with a profile, an enrolment and a badge, as far as a program gives them."""
    user_id = member(product, client, _channel(client))
    made(client, f"/users/{user_id}", {"profile_data": {"goals": ["lose weight", "build habits"]}}, "PUT")
    return Fill(path={"user_id": user_id})


def _spoken(product: Served, client: httpx2.Client) -> Fill:
    """A member and what they wrote."""
    user_id = member(product, client, _channel(client))
    interaction = made(client, f"/users/{user_id}", method="GET")["recent_interactions"][-1]
    return Fill(path={"user_id": user_id, "interaction_id": interaction["id"]})


def _enrolled(product: Served, client: httpx2.Client) -> Fill:
    fill = _written(product, client)
    made(client, f"/users/{fill.path['user_id']}/programs/{_published(client)}/enroll")
    product.settle()
    return fill


def _asking(product: Served, client: httpx2.Client) -> Fill:
    """A member who has asked for a person."""
    return Fill(path={"user_id": member(product, client, _channel(client), "I want to talk to a human")})


def _to_enroll(product: Served, client: httpx2.Client) -> Fill:
    return Fill(path={"user_id": member(product, client, _channel(client)), "program_id": _published(client)})


def _refreshed(product: Served, subject: str) -> Fill:
    tokens = bootstrap.tokens(product.settings, refresh_audience(NAME))
    now = product.clock.now()
    token = tokens.issue(subject, (CREATOR,), now, timedelta(days=365), {})
    return Fill(fields={"refresh_token": token})


def _scopes() -> dict[str, frozenset[str]]:
    """By the method: reading wants the one scope, everything else the other."""
    listed = json.loads(Path(__file__).with_name("contract.json").read_text())["endpoints"]
    keys = [f"{one['method']} {one['path']}" for one in listed]
    return {key: frozenset({READ if key.startswith("GET") else CREATOR}) for key in keys}


def _in_the_documents_shape(_operation: Operation, error: Mapping[str, Any]) -> None:
    assert error["error"]["code"] == "VALIDATION_ERROR"


def _sentence(error: Mapping[str, Any]) -> str:
    """Words of the message and of its details by field."""
    inner = error["error"]
    return " ".join([str(inner["message"]), *(f"{one['field']} {one['message']}" for one in inner["details"])])


def _drop(fill: Fill, name: str) -> Fill:
    return fill._replace(path={key: value for key, value in fill.path.items() if key != name})


def only(product: Served, client: httpx2.Client, make: Callable[[Served, httpx2.Client], Fill]) -> Fill:
    """What has been made, for a request without a path."""
    return make(product, client)._replace(path={})


SURFACE = Surface(
    name=NAME,
    fillers={
        "POST /api/v1/knowledge-bases/{knowledge_base_id}/documents": filling(_uploading),
        "GET /api/v1/knowledge-bases/{knowledge_base_id}": filling(_in_base),
        "GET /api/v1/knowledge-bases/{knowledge_base_id}/documents": filling(
            lambda product, client: _drop(_uploaded(product, client), "document_id")
        ),
        "GET /api/v1/knowledge-bases/{knowledge_base_id}/documents/{document_id}": filling(_uploaded),
        "PUT /api/v1/knowledge-bases/{knowledge_base_id}/documents/{document_id}": filling(_uploaded),
        "DELETE /api/v1/knowledge-bases/{knowledge_base_id}/documents/{document_id}": filling(_uploaded),
        "POST /api/v1/knowledge-bases/{knowledge_base_id}/documents/{document_id}/retry": filling(_failed),
        "GET /api/v1/analytics/export/{export_id}": filling(_exported),
        "GET /api/v1/analytics/export/{export_id}/download": filling(_exported),
        "POST /api/v1/auth/refresh": _refreshed,
        "GET /api/v1/knowledge-bases/{knowledge_base_id}/search": filling(_searched),
        "GET /api/v1/users/{user_id}/interactions/{interaction_id}/explanation": filling(_spoken),
        "GET /api/v1/programs": filling(lambda product, client: only(product, client, _live)),
        "GET /api/v1/programs/{program_id}": filling(_live),
        "PUT /api/v1/programs/{program_id}": filling(_draft),
        "POST /api/v1/programs/{program_id}/publish": filling(_draft),
        "POST /api/v1/programs/{program_id}/archive": filling(_live),
        "GET /api/v1/programs/{program_id}/versions": filling(_live),
        "GET /api/v1/programs/{program_id}/drop-off": filling(_live),
        "GET /api/v1/users": filling(lambda product, client: only(product, client, _enrolled)),
        "GET /api/v1/users/{user_id}": filling(_enrolled),
        "PUT /api/v1/users/{user_id}": filling(_enrolled),
        "POST /api/v1/users/{user_id}/programs/{program_id}/enroll": filling(_to_enroll),
        "POST /api/v1/users/{user_id}/escalation/resolve": filling(_asking),
        "GET /api/v1/channels": filling(lambda product, client: only(product, client, _web)),
        "PUT /api/v1/channels/{channel_id}": filling(_web),
        "GET /api/v1/channels/{channel_id}/analytics": filling(_web),
        "GET /api/v1/analytics/detailed": lambda _product, _subject: Fill(query={"metric": "interactions"}),
    },
    own=frozenset(
        {
            "GET /api/v1/knowledge-bases",
            "GET /api/v1/knowledge-bases/{knowledge_base_id}/search",
            "GET /api/v1/users/{user_id}/interactions/{interaction_id}/explanation",
            "GET /api/v1/knowledge-bases/{knowledge_base_id}",
            "POST /api/v1/knowledge-bases/{knowledge_base_id}/documents/{document_id}/retry",
            "GET /api/v1/analytics/export/{export_id}",
            "GET /api/v1/analytics/export/{export_id}/download",
            "GET /api/v1/programs/{program_id}/versions",
            "GET /api/v1/programs/{program_id}/drop-off",
            "POST /api/v1/users/{user_id}/escalation/resolve",
            "GET /api/v1/widget/{channel_id}",
            "POST /api/v1/widget/{channel_id}/messages",
            "GET /api/v1/widget/{channel_id}/messages",
            "GET /webhooks/whatsapp/{channel_id}",
            "POST /webhooks/whatsapp/{channel_id}",
            "POST /webhooks/telegram/{channel_id}",
            "GET /outcomes/{command_id}",
        }
    ),
    open=frozenset(
        {
            "POST /api/v1/auth/refresh",
            "GET /api/v1/widget/{channel_id}",
            "POST /api/v1/widget/{channel_id}/messages",
            "GET /api/v1/widget/{channel_id}/messages",
            "GET /webhooks/whatsapp/{channel_id}",
            "POST /webhooks/whatsapp/{channel_id}",
            "POST /webhooks/telegram/{channel_id}",
        }
    ),
    leeway=Leeway(
        frozenset({"published_at", "processed_at", "channels[].last_activity_at", "users[].last_active_at"}),
        fractions=frozenset({"analytics.average_completion_time_days"}),
    ),
    needed_by_others=frozenset({"flow_definition.nodes"}),
    scopes=_scopes(),
    refusal=_in_the_documents_shape,
    sentence=_sentence,
    includes=INCLUDES,
    may_be_empty=True,
    invalid=422,
)
