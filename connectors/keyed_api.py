"""HTTP APIs in a format of ours: JSON, a bearer key, an idempotency key for each write, `GET /health`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx2

from connectors.http_client import Dialect, HttpClient, Problem
from connectors.provider_json import Fields, as_fields, first_word
from streams.core.calls import Deferred, Unknown

_IN_PROGRESS = 409
"""The status of a repeat while the first request under its key is still being answered."""


def client_of(
    name: str, base_url: str, api_key: str, timeout_seconds: float, clean: Callable[[str], str] = str
) -> HttpClient:
    """The client of such an API."""
    return HttpClient(
        name, base_url, api_key, Dialect(problem_of, clean=clean, special=_special), None, timeout_seconds
    )


async def write(
    client: HttpClient, path: str, body: Mapping[str, object], key: str
) -> httpx2.Response | Deferred | Unknown:
    """The answer to a write; it is done once under its key."""
    return await client.exchange("POST", path, json=body, headers={"Idempotency-Key": key})


async def is_healthy(client: HttpClient) -> bool:
    """Whether the API answers with success for its health."""
    answer = await client.exchange("GET", "/health")
    return isinstance(answer, httpx2.Response) and answer.is_success


def problem_of(fields: Fields) -> Problem:
    """The problem in an error's body: `{error, message}`, or an object `error` with a code and a message."""
    inner = as_fields(fields.get("error")) or fields
    return Problem(first_word(inner, "code", "error"), first_word(inner, "message", "detail"))


def _special(answer: httpx2.Response, problem: Problem) -> Deferred | None:
    return Deferred(problem.code, problem.sentence) if answer.status_code == _IN_PROGRESS else None
