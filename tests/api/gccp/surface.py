"""How the requests of this surface come about: generations that failed, or wait, at a provider that is imitated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.api.conformance import Fill, Operation, Surface
from tests.api.gccp.service import hosted
from tests.api.product import Served
from tests.imitations.anthropic import AnthropicServer, error
from tests.imitations.llm_server import Act

REFUSED = Act(status=400, body=error("invalid_request_error", "Scripted"))
PUT_OFF = Act(status=429, body=error("rate_limit_error", "Scripted"), headers={"retry-after": "600"})


PROVIDER: list[AnthropicServer] = []
"""The one that stands behind the product now."""


@contextmanager
def surroundings() -> Iterator[Mapping[str, str]]:
    """An imitation of Anthropic, in a thread."""
    with hosted(AnthropicServer) as anthropic:
        PROVIDER.append(anthropic)
        try:
            yield {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": anthropic.url, "HEADWATER_GCCP_PDF_WORKERS": "1"}
        finally:
            PROVIDER.remove(anthropic)


def _generation(product: Served, subject: str, *acts: Act) -> str:
    """The id of a generation whose calls the provider treats so, once it has come to rest."""
    product.settle()  # no other one may take what is scripted for this one
    PROVIDER[-1].script(*acts)
    with product.client("gccp", "/api", subject) as client:
        answer = client.post("/generate", json={"topic": "T", "subtopics": "s", "mode": "lecture"})
    assert answer.status_code == 200, answer.text
    product.settle()
    return str(answer.json()["generation_id"])


def _failed(product: Served, subject: str) -> Fill:
    return Fill(fields={"generation_id": _generation(product, subject, Act(), REFUSED)})


def _waiting(product: Served, subject: str) -> Fill:
    return Fill(path={"generation_id": _generation(product, subject, PUT_OFF)})


def _completed(product: Served, subject: str) -> Fill:
    return Fill(path={"generation_id": _generation(product, subject)})


def _named_by_the_document(operation: Operation, error: Mapping[str, Any]) -> None:
    missing = {"/api/export/pdf": "MISSING_CONTENT", "/api/retry": "MISSING_GENERATION_ID"}
    assert error["code"] in ("INVALID_FIELDS", missing.get(operation.path, "MISSING_FIELDS"))
    assert error.keys() <= {"error", "code", "details"}


SURFACE = Surface(
    name="gccp",
    fillers={
        "POST /api/retry": _failed,
        "POST /api/generations/{generation_id}/cancel": _waiting,
        "GET /api/generations/{generation_id}": _completed,
        "GET /api/generations/{generation_id}/calls": _completed,
        "GET /api/generations/{generation_id}/progress": _completed,
    },
    own=frozenset(
        {
            "GET /api/generations",
            "GET /api/generations/{generation_id}",
            "GET /api/generations/{generation_id}/calls",
            "GET /api/generations/{generation_id}/progress",
            "POST /api/generations/{generation_id}/cancel",
            "GET /api/usage",
            "GET /outcomes/{command_id}",
        }
    ),
    open=frozenset({"GET /api/export/pdf"}),
    once=frozenset({"POST /api/stream", "PUT /api/stream"}),
    surroundings=surroundings,
    largest={"POST /api/export/pdf": 4 << 20},
    refusal=_named_by_the_document,
    blank=("", " ", []),
)
