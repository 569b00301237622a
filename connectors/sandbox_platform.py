"""The platform's sandbox: pages as files in the outbox."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from connectors.platform import Page, PageMetrics
from connectors.sandbox import SANDBOX_ID, discard_drafts, store, stored
from streams.core.calls import Accepted, Deferred, Rejected, Verdict

UNSEEN = PageMetrics(0, 0, 0.0, 0.0, 0, 0)
"""The metrics of a page in the outbox, which can be visited nowhere."""


class SandboxPlatform:
    """The platform that writes each page to `page-<content id>.json`."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        discard_drafts(directory)

    async def publish(self, page: Page, key: str) -> Verdict:
        provider_id = f"{SANDBOX_ID}{page.content_id}"
        about = {"subject": None, "key": key, "provider_id": provider_id}
        failure = store(self._directory, f"page-{page.content_id}", about | asdict(page))
        output = {"url": None, "status": page.status, "version": None, "published_at": None}
        return failure or Accepted(provider_id, output)

    async def metrics(self, provider_id: str) -> PageMetrics | Deferred | Rejected:
        """Nothing was counted of a page in the outbox."""
        try:
            pages = [stored(path) for path in self._directory.glob("page-*.json")]
        except OSError as error:
            return Deferred("outbox", f"the outbox could not be read: {error.strerror}")
        known = any(page.get("provider_id") == provider_id for page in pages)
        return UNSEEN if known else Rejected("not_found", "there is no such page in the outbox")

    async def healthy(self) -> bool:
        return True

    async def close(self) -> None:
        """Nothing to close."""
