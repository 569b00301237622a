"""The JSON of document providers over HTTP: an answer of any status, or the verdict that none came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from connectors.provider_json import Fields, fields_of
from connectors.retry_after import retry_after
from streams.core.calls import Deferred, Rejected, Verdict

MOST_BYTES = 24 * 1024 * 1024
"""The most bytes of an answer. Google's JSON has about twenty bytes for each of a document's text."""

SECONDS = 60.0
"""The longest time of a fetch with all its requests."""

PASSING = frozenset({408, 409, 425, 429})
"""Statuses below 500 that another attempt may change."""


class Failed(Exception):
    """The document cannot be had: the verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status. `fields` are empty where it has no JSON object."""

    status: int
    headers: Mapping[str, str]
    fields: Fields

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_passing(self) -> bool:
        return self.status >= 500 or self.status in PASSING

    def wait(self) -> float | None:
        """Seconds to wait by its Retry-After."""
        return retry_after(self.headers, datetime.now(UTC))


class JsonClient:
    """A client of one provider. `timeout_seconds` bounds each step of a request."""

    def __init__(self, base_url: str, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> None:
        self._client = httpx2.AsyncClient(
            base_url=base_url, timeout=timeout_seconds, headers={"User-Agent": "headwater", **(headers or {})}
        )

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to GET; raises Failed without one."""
        return await self._answer(self._client.build_request("GET", path, params=params, headers=headers))

    async def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """The answer to POST of a form; raises Failed without one."""
        return await self._answer(self._client.build_request("POST", path, data=form))

    async def close(self) -> None:
        await self._client.aclose()

    async def _answer(self, request: httpx2.Request) -> Answer:
        try:
            response = await self._client.send(request, stream=True)
            try:
                body = await _body(response)
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            kind = type(error).__name__
            raise Failed(Deferred("unreachable", f"the provider gave no answer ({kind})")) from None
        return Answer(response.status_code, response.headers, _fields(body))


async def _body(response: httpx2.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise Failed(Rejected("too_large", f"the provider's answer has more than {MOST_BYTES:,} bytes"))
        parts.append(part)
    return b"".join(parts)


def _fields(body: bytes) -> Fields:
    try:
        return fields_of(body.decode("utf-8", "replace"))
    except ValueError:
        return {}
