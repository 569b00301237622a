"""How the requests of this surface come about: jobs, pages, newsletters and live sessions that exist already.

The sandbox stands in for all providers but X, which is imitated: only a network can leave a post unconfirmed.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx2
import orjson

from api.content_generator.access import INCLUDES
from api.content_generator.dependencies import Dependencies
from commands.content_generator.live_session import ENDING_FOR, EndSession, JoinSession
from connectors.sandbox_crm import SUBSCRIBERS
from domain.content_generator.live_session import Role
from domain.messages import Command
from streams.core.gateway import envelop
from tests.api.conformance import Fill, Filler, Operation, Surface
from tests.api.product import PATIENCE_SECONDS, Served
from tests.api.schemas import Leeway
from tests.imitations import dropping
from tests.imitations.x import ACCESS_TOKEN, XImitation

NAME = "content_generator"
CRM_SECRET = "the secret of the CRM's reports"
TOMORROW = timedelta(days=1)

NETWORK: list[XImitation] = []
"""The one that stands behind the product now."""


@contextmanager
def surroundings() -> Iterator[Mapping[str, str]]:
    """An imitation of X, and the secret of the CRM's reports."""
    with XImitation() as x:
        NETWORK.append(x)
        try:
            yield {"X_BASE_URL": x.url, "X_ACCESS_TOKEN": ACCESS_TOKEN, "CRM_WEBHOOK_SECRET": CRM_SECRET}
        finally:
            NETWORK.remove(x)


def filling(make: Callable[[Served, httpx2.Client], Fill]) -> Filler:
    """A filler that prepares by a client of this surface."""

    def fill(product: Served, subject: str) -> Fill:
        with product.client(NAME, "/api", subject) as client:
            return make(product, client)

    return fill


def posted(client: httpx2.Client, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The body of the answer to a POST, which must have succeeded."""
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def later(product: Served) -> str:
    return (product.clock.now() + TOMORROW).isoformat()


def _synced(product: Served, client: httpx2.Client) -> Fill:
    job = posted(client, "/v2/content/sync", {"document_id": "gdocs:one", "channels": ["email", "website"]})
    product.settle()
    return Fill(path={"job_id": job["job_id"]})


def _scheduled(product: Served, client: httpx2.Client) -> Fill:
    body = {"document_id": "gdocs:one", "channels": ["website"], "schedule_time": later(product)}
    return Fill(path={"job_id": posted(client, "/v2/content/sync", body)["job_id"]})


def _cancelled(product: Served, client: httpx2.Client) -> Fill:
    fill = _scheduled(product, client)
    posted(client, f"/v2/jobs/{fill.path['job_id']}/cancel")
    return fill


def _page(client: httpx2.Client, status: str) -> Fill:
    page = posted(client, "/v2/platform/publish", {"title": "Page", "content": "<p>Text</p>", "status": status})
    return Fill(path={"content_id": page["content_id"]})


def _mailed(product: Served, client: httpx2.Client) -> Fill:
    sent = posted(client, "/v1/newsletter/send", {"subject": "News", "html_content": "<p>News</p>"})
    product.settle()
    return Fill(path={"campaign_id": sent["job_id"], "email": SUBSCRIBERS[0].address})


def join(product: Served, session_id: str, client_id: str = "user-001", role: Role = Role.PARTICIPANT) -> None:
    """Open a connection to a live session, as its socket does."""
    own = product.own(NAME, Dependencies)
    command = JoinSession(
        at=product.clock.now(),
        session=f"default/{session_id}",
        tenant="default",
        session_id=session_id,
        mark=own.client("default", client_id),
        client_id=client_id,
        client_name="John D.",
        role=role,
        connection_id=uuid4().hex,
        node="node",
    )
    _submit(product, command)


def _submit(product: Served, command: Command) -> None:
    engine = product.own(NAME, Dependencies).engine
    submitted = engine.gateway.submit(envelop(command, NAME, engine.partitions, "client:john"), PATIENCE_SECONDS)
    asyncio.run_coroutine_threadsafe(submitted, product.loop).result(PATIENCE_SECONDS)


def _joined(product: Served, _subject: str) -> Fill:
    join(product, "morning-001", uuid4().hex)
    return Fill(path={"session_id": "morning-001"}, query={"include_metrics": "true", "include_replay": "true"})


def _ended(product: Served, _subject: str) -> Fill:
    """A session that has ended, whose events end with it."""
    session_id = uuid4().hex
    join(product, session_id)
    about = {"session": f"default/{session_id}", "tenant": "default", "session_id": session_id}
    _submit(product, EndSession(at=product.clock.now(), **about, summary_available=False))
    product.settle()
    product.advance(ENDING_FOR)
    return Fill(path={"session_id": session_id})


def _live(product: Served, subject: str) -> Fill:
    return Fill(query={"include_metrics": _joined(product, subject).query["include_metrics"]})


def _unconfirmed(product: Served, client: httpx2.Client) -> Fill:
    """A post after which X cut the connection, and which X does not show."""
    product.settle()
    NETWORK[-1].begin_anew()
    NETWORK[-1].behave(dropping(recorded=False))
    job = posted(client, "/v2/content/sync", {"document_id": "gdocs:one", "channels": ["twitter"]})
    product.settle()
    product.advance(timedelta(minutes=2))
    found = client.get(f"/v2/jobs/{job['job_id']}").json()
    assert found["results"]["twitter"]["status"] == "unconfirmed", found
    return Fill(path={"post_id": found["results"]["twitter"]["post_id"]}, fields={"delivered": True})


def signed(_address: str, body: object) -> tuple[bytes, dict[str, str]]:
    """A report of the CRM."""
    content = orjson.dumps(body)
    mac = hmac.digest(CRM_SECRET.encode(), content, sha256).hex()
    return content, {"X-Webhook-Signature": f"sha256={mac}", "Content-Type": "application/json"}


def _sentence(error: Mapping[str, Any]) -> str:
    """Words of the message and of its details by field."""
    return " ".join([str(error["message"]), *(f"{field} {fault}" for field, fault in error.get("details", {}).items())])


def _in_the_documents_shape(_operation: Operation, error: Mapping[str, Any]) -> None:
    assert error["error"] == "validation_error"
    assert error.keys() == {"error", "message", "details"}


SURFACE = Surface(
    name=NAME,
    fillers={
        "GET /api/v2/jobs/{job_id}": filling(_synced),
        "GET /api/v2/jobs/{job_id}/explanation": filling(_synced),
        "GET /api/v2/jobs": filling(lambda product, client: _synced(product, client)._replace(path={})),
        "GET /api/v2/metrics": filling(lambda product, client: _synced(product, client)._replace(path={})),
        "POST /api/v2/jobs/{job_id}/retry": filling(_cancelled),
        "POST /api/v2/jobs/{job_id}/cancel": filling(_scheduled),
        "POST /api/v2/platform/content/{content_id}/publish": filling(lambda _, client: _page(client, "draft")),
        "GET /api/v2/platform/content/{content_id}/metrics": filling(lambda _, client: _page(client, "published")),
        "GET /api/v2/analytics/campaigns/{campaign_id}": filling(_mailed),
        "GET /api/v2/analytics/recipients/{email}": filling(_mailed),
        "GET /api/v2/session/{session_id}/content": _joined,
        "GET /api/v2/session/{session_id}/events": _ended,
        "GET /api/v2/sessions/live": _live,
        "POST /api/v2/live-announce": lambda product, subject: Fill(path=_joined(product, subject).path),
        "POST /api/v2/posts/{post_id}/resolve": filling(_unconfirmed),
        "POST /webhooks/crm": lambda _product, _subject: Fill(sign=signed),
    },
    own=frozenset(
        {
            "POST /api/v2/jobs/{job_id}/cancel",
            "GET /api/v2/jobs/{job_id}/explanation",
            "GET /api/v2/session/{session_id}/events",
            "POST /api/v2/platform/content/{content_id}/publish",
            "POST /api/v2/posts/{post_id}/resolve",
            "POST /webhooks/crm",
            "GET /unsubscribe/{token}",
            "GET /opens/{token}",
            "GET /clicks/{token}",
            "POST /unsubscribe/{token}",
            "GET /outcomes/{command_id}",
        }
    ),
    open=frozenset(
        {
            "GET /health",
            "GET /ready",
            "POST /webhooks/crm",
            "GET /unsubscribe/{token}",
            "GET /opens/{token}",
            "GET /clicks/{token}",
            "POST /unsubscribe/{token}",
        }
    ),
    leeway=Leeway(
        frozenset({"published_at", "last_open", "last_click", "session_info.instructor", "sessions[].instructor"}),
    ),
    surroundings=surroundings,
    refusal=_in_the_documents_shape,
    sentence=_sentence,
    includes=INCLUDES,
    may_be_empty=True,
    elides=True,
)
