"""The CRM's sandbox: three demo subscribers, and campaigns as files in the outbox.

A batch is one file with its words, `campaign-<key>.json`, and one for each recipient, `newsletter-<key>-<id>.json`:
once that person is erased, `forget` removes theirs.
"""

from __future__ import annotations

from pathlib import Path

from connectors.crm import Addressee, Audience, AudiencePage, CampaignBatch, ReportPage, Subscriber
from connectors.sandbox import SANDBOX_ID, discard_drafts, store
from streams.core.calls import Accepted, Verdict

SEGMENT = "active_users"
"""The segment of all demo subscribers."""

SUBSCRIBERS = (
    Subscriber("demo-1", "ada@demo.example", "Ada Demo", "active", ("newsletter", "beta")),
    Subscriber("demo-2", "ben@demo.example", "Ben Demo", "active", ("newsletter",)),
    Subscriber("demo-3", "cleo@demo.example", "Cleo Demo", "active", ("newsletter",)),
)


class SandboxCrm:
    """The CRM that knows the demo subscribers and writes campaigns to the outbox. It has no reports."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        discard_drafts(directory)

    async def count(self, audience: Audience) -> int:
        return len(_chosen(audience))

    async def page(self, audience: Audience, limit: int, cursor: str | None) -> AudiencePage:
        chosen = _chosen(audience)
        start = int(cursor) if cursor is not None and cursor.isdecimal() else 0
        end = start + max(limit, 1)
        return AudiencePage(chosen[start:end], len(chosen), str(end) if end < len(chosen) else None)

    async def send(self, batch: CampaignBatch, key: str) -> Verdict:
        provider_id = f"{SANDBOX_ID}{key}"
        about = {"campaign_id": batch.campaign_id, "batch": batch.batch, "key": key, "test": batch.test}
        words = {"subject_line": batch.subject_line, "html": batch.html, "text": batch.text}
        files = {f"campaign-{key}": about | words | {"headers": dict(batch.headers), "provider_id": provider_id}}
        files |= {f"newsletter-{key}-{one.id}": about | _letter(one, batch) for one in batch.recipients}
        for name, fields in files.items():
            if failure := store(self._directory, name, fields):
                return failure
        return Accepted(provider_id, {"accepted": len(batch.recipients), "status": "sent"})

    async def events(self, campaign_id: str, after: str | None) -> ReportPage:
        return ReportPage((), after)

    async def healthy(self) -> bool:
        return True

    async def close(self) -> None:
        """Nothing to close."""


def _chosen(audience: Audience) -> tuple[Subscriber, ...]:
    if audience.segment not in (None, SEGMENT):
        return ()
    return tuple(one for one in SUBSCRIBERS if set(audience.tags) <= set(one.tags))


def _letter(one: Addressee, batch: CampaignBatch) -> dict[str, object]:
    return {"subject": one.subject, "id": one.id, "to": one.address, "subject_line": batch.subject_line}
