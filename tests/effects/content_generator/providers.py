"""A CRM, a platform and networks that note what they are asked for, and an address where no database answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.crm import Audience, AudiencePage, CampaignBatch, ReportPage, Subscriber
from connectors.platform import Page, PageMetrics
from domain.calls.email import Email
from domain.calls.social_post import SocialPost
from streams.core.calls import Accepted, Deferred, Finding, Listed, Rejected, Verdict

NOWHERE = "host=127.0.0.1 port=1 dbname=none connect_timeout=1"


class NotingCrm:
    """Takes every batch, unless a verdict is given."""

    provider = "crm"

    def __init__(self, verdict: Verdict | None = None, *subscribers: Subscriber) -> None:
        self.verdict = verdict
        self.subscribers = subscribers
        self.sent: list[tuple[CampaignBatch, str]] = []
        self.pages: list[tuple[Audience, int, str | None]] = []
        self.reports: ReportPage | Deferred | Rejected = ReportPage(())
        self.counted: int | Deferred | Rejected = 3

    async def count(self, audience: Audience) -> int | Deferred | Rejected:
        return self.counted

    async def page(self, audience: Audience, limit: int, cursor: str | None) -> AudiencePage | Deferred | Rejected:
        self.pages.append((audience, limit, cursor))
        return AudiencePage(self.subscribers, next="next")

    async def send(self, batch: CampaignBatch, key: str) -> Verdict:
        self.sent.append((batch, key))
        return self.verdict or Accepted("crm-1", {"accepted": len(batch.recipients)})

    async def events(self, campaign_id: str, after: str | None) -> ReportPage | Deferred | Rejected:
        return self.reports

    async def healthy(self) -> bool:
        return True

    async def close(self) -> None:
        """Nothing to close."""


class NotingMail:
    """Takes every e-mail."""

    provider = "mail"
    idempotent = True

    def __init__(self) -> None:
        self.sent: list[tuple[Email, str]] = []

    async def __call__(self, effect: Email, key: str) -> Verdict:
        self.sent.append((effect, key))
        return Accepted("mail-1")

    async def close(self) -> None:
        """Nothing to close."""


class NotingPlatform:
    """Publishes every page."""

    provider = "platform"

    def __init__(self, metrics: PageMetrics | Deferred | Rejected | None = None) -> None:
        self.published: list[tuple[Page, str]] = []
        self._metrics = metrics or PageMetrics()

    async def publish(self, page: Page, key: str) -> Verdict:
        self.published.append((page, key))
        return Accepted("page-1", {"url": "/updates/news"})

    async def metrics(self, provider_id: str) -> PageMetrics | Deferred | Rejected:
        return self._metrics

    async def healthy(self) -> bool:
        return True

    async def close(self) -> None:
        """Nothing to close."""


class NotingNetwork:
    """Takes every post, and lists these posts of its own."""

    provider = "network"
    idempotent = False

    def __init__(self, finding: Finding | None = None) -> None:
        self.posted: list[tuple[SocialPost, str]] = []
        self.looked: list[tuple[SocialPost, datetime]] = []
        self._finding = finding if finding is not None else Listed(())

    async def __call__(self, effect: SocialPost, key: str) -> Verdict:
        self.posted.append((effect, key))
        return Accepted("post-1", {"url": "https://x.example/1"})

    async def find(self, effect: SocialPost, since: datetime) -> Finding:
        self.looked.append((effect, since))
        return self._finding

    async def close(self) -> None:
        """Nothing to close."""


async def performed(performer: Any, effect: Any, key: str = "task") -> Verdict:
    """The verdict of a performer that is closed afterwards."""
    try:
        verdict: Verdict = await performer(effect, key)
        return verdict
    finally:
        await performer.close()
