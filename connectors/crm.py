"""The port of the CRM, which knows the subscribers of newsletters, sends campaigns and reports what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connectors.crm_reports import Report
from streams.core.calls import Deferred, Rejected, Verdict

ACTIVE = frozenset({"", "active", "subscribed", "confirmed", "enabled"})
"""Statuses of subscribers who may be written to; a CRM without statuses lists no others."""


@dataclass(frozen=True, slots=True)
class Audience:
    """The subscribers of a segment who have all of these tags; everybody without either."""

    segment: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person in the CRM. `id` is the CRM's own, else the address."""

    id: str
    address: str
    name: str = ""
    status: str = ""
    tags: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        return self.status in ACTIVE


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """One page of an audience. `next` is the cursor of the following one, None at the end; `total` counts all pages."""

    subscribers: tuple[Subscriber, ...]
    total: int | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Addressee:
    """A recipient of a batch. `subject` is the data subject (`context:id`), which is not sent."""

    id: str
    address: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class CampaignBatch:
    """One batch of a campaign, complete. `test` marks a mail that is no campaign's, and counts nowhere."""

    campaign_id: str
    batch: int
    subject_line: str
    html: str
    text: str
    recipients: tuple[Addressee, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    test: bool = False


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Reports on a campaign. `next` is the cursor to read on from, `more` whether there are further ones now."""

    reports: tuple[Report, ...]
    next: str | None = None
    more: bool = False


class Crm(Protocol):
    """Client of the CRM. Never raises for an error of the CRM or the network.

    Reading: Deferred for a failure that may pass, Rejected for a refusal. Sending is idempotent: the CRM sends a batch
    once per key, and a refused one uses no key up.
    """

    provider: str

    async def count(self, audience: Audience) -> int | Deferred | Rejected:
        """The number of subscribers, whatever their status."""

    async def page(self, audience: Audience, limit: int, cursor: str | None) -> AudiencePage | Deferred | Rejected:
        """At most so many subscribers, after the page that gave the cursor."""

    async def send(self, batch: CampaignBatch, key: str) -> Verdict:
        """Send a batch.

        The accepted verdict's `output` has `accepted`, the number of recipients taken, and the CRM's `status`.
        """

    async def events(self, campaign_id: str, after: str | None) -> ReportPage | Deferred | Rejected:
        """The reports after a cursor."""

    async def healthy(self) -> bool:
        """Whether the CRM answers."""

    async def close(self) -> None: ...
