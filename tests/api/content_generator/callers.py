"""A client of the surface that outlives the nodes that answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from api.auth import SigningKeys, Tokens
from tests.api.content_generator.surface import NAME
from tests.api.product import TOKEN_SECRET, unlimited

PATIENT_SECONDS = 300.0
"""What is killed fifty times takes its time on a busy machine."""


class Caller:
    """A client of the surface that asks again, under the same key, until it is answered."""

    def __init__(self, port: int, failure: Callable[[], str | None] = lambda: None) -> None:
        self._failure = failure
        root = f"http://127.0.0.1:{port}/content-generator"
        self._client = httpx2.AsyncClient(
            base_url=root, headers={"X-API-Key": key_of("write")}, timeout=10, verify=False
        )

    async def ask(self, method: str, path: str, key: str = "", **body: object) -> dict[str, Any]:
        """The body of the answer, which must be 200 at last."""
        headers = {"Idempotency-Key": key} if key else {}
        async with asyncio.timeout(PATIENT_SECONDS):
            while True:
                assert self._failure() is None, self._failure()
                try:
                    answer = await self._client.request(method, path, json=body or None, headers=headers)
                except httpx2.TransportError:
                    await asyncio.sleep(0.02)
                    continue
                if answer.status_code in (202, 503):
                    await asyncio.sleep(0.05)
                    continue
                assert answer.status_code == 200, answer.text
                found: dict[str, Any] = answer.json()
                return found

    async def job_over(self, job_id: str) -> dict[str, Any]:
        """The job, once it is over."""
        async with asyncio.timeout(PATIENT_SECONDS):
            while (job := await self.ask("GET", f"/api/v2/jobs/{job_id}"))["status"] in ("pending", "in_progress"):
                await asyncio.sleep(0.05)
        return job

    async def close(self) -> None:
        await self._client.aclose()


def key_of(*scopes: str) -> str:
    """A key of the installation without limits."""
    tokens = Tokens(lambda: SigningKeys.of(TOKEN_SECRET), NAME)
    return tokens.issue("ana", scopes, datetime.now(UTC), timedelta(hours=1), unlimited(NAME))
