"""E-mail through Resend, which remembers an idempotency key for 24 hours."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import httpx2
from pydantic import BaseModel, StringConstraints, ValidationError

from connectors.email import (
    INVALID,
    NOT_CARRIED,
    EmailFile,
    needs_utf8,
    unsendable,
    wire_address,
    without_addresses,
)
from connectors.retry_after import PHASES, retry_after, unanswered
from domain.calls.email import Email
from streams.core.calls import REFERENCE, Accepted, Deferred, Rejected, Unknown, Verdict

QUOTA_WAIT = 6 * 3600.0
"""Seconds to wait after a daily or monthly quota is used up: well within the 24 hours of an idempotency key."""

_NOT_PROCESSED = frozenset({408, 429, 503})
_QUOTAS = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})


class ResendEmail:
    """The connector to Resend. `sender` is an address, or `Name <address>`, at a domain verified with Resend.

    A key has 1 to 256 characters; the reference is sent as the tag REFERENCE, which has ASCII letters, digits, `_` and
    `-` only. `timeout_seconds` bounds each step of a request (PHASES).
    """

    provider = "resend"
    idempotent = True

    def __init__(
        self, api_key: str, sender: str, base_url: str = "https://api.resend.com", timeout_seconds: float = 10.0
    ) -> None:
        self._sender = sender
        self._deadline = PHASES * timeout_seconds
        self._client = httpx2.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}", "User-Agent": "headwater"},  # Resend answers 403 without one
            timeout=timeout_seconds,
        )

    async def __call__(self, effect: Email, key: str, files: Sequence[EmailFile] = ()) -> Verdict:
        if refused := unsendable(effect, files):
            return refused
        address = effect.to or ""
        if needs_utf8(address):
            return NOT_CARRIED
        try:
            given = _body(effect, self._sender, wire_address(address), files)
        except ValueError:
            return INVALID
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._client.post("/emails", json=given, headers={"Idempotency-Key": key})
        except (httpx2.RequestError, TimeoutError) as error:
            return unanswered(error)
        return _verdict(response)

    async def close(self) -> None:
        await self._client.aclose()


def _body(effect: Email, sender: str, to: str, files: Sequence[EmailFile]) -> dict[str, object]:
    body = {
        "from": sender,
        "to": [to],
        "subject": effect.subject_line,
        "html": effect.html,
        "text": effect.text,
        "headers": effect.headers or None,
        "attachments": [_attached(file) for file in files] or None,
        "tags": [{"name": REFERENCE, "value": effect.reference}],
    }
    return {name: value for name, value in body.items() if value is not None}


def _attached(file: EmailFile) -> dict[str, str]:
    content = base64.b64encode(file.content).decode()
    return {"filename": file.name, "content": content, "content_type": file.media_type}


_Token = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]


class _Created(BaseModel):
    id: _Token


class _Problem(BaseModel):
    name: _Token | None = None
    message: str | None = None


def _verdict(response: httpx2.Response) -> Verdict:
    status = response.status_code
    if response.is_success:
        return _accepted(response)
    problem = _problem(response)
    code = problem.name or f"http_{status}"
    reason = without_addresses(problem.message or f"Resend answered {status}")
    if status in _NOT_PROCESSED or code == "concurrent_idempotent_requests":
        return Deferred(code, reason, _wait(code, response))
    if code == "invalid_idempotent_request":
        return Unknown("an e-mail has been taken under this key already, in other words")
    if response.is_server_error:
        return Unknown(f"Resend answered {status}, which may follow an e-mail that was taken")
    return Rejected(code, reason)


def _wait(code: str, response: httpx2.Response) -> float | None:
    if code in _QUOTAS:
        return QUOTA_WAIT  # the headers give the rate limit, not the quota
    now = datetime.now(UTC)
    asked = retry_after(response.headers, now)
    if asked is None and response.status_code == 429:
        return retry_after(response.headers, now, name="ratelimit-reset")
    return asked


def _accepted(response: httpx2.Response) -> Verdict:
    try:
        return Accepted(_Created.model_validate_json(response.content).id)
    except ValidationError:
        return Unknown(f"Resend answered {response.status_code} without naming the e-mail")


def _problem(response: httpx2.Response) -> _Problem:
    try:
        return _Problem.model_validate_json(response.content)
    except ValidationError:
        return _Problem()
