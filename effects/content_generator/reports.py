"""The reading of the CRM's reports on a campaign."""

from __future__ import annotations

from typing import Any

from commands.content_generator.effects import ReadReports
from connectors.crm import Crm, ReportPage
from connectors.crm_reports import Report
from effects.content_generator.audience import Mark
from effects.lookup import BEHIND, read
from projections.content_generator.campaigns import tenant_of_campaign
from streams.core.calls import Accepted, Deferred, Verdict
from streams.postgres.reads import Reads

LONGEST_URL = 2000
"""Characters of a link that are kept: a page of reports is one record."""


class ReportReading:
    """Reads the reports after a cursor. Addresses become marks here, so that none is recorded."""

    idempotent = True

    def __init__(self, dsn: str, crm: Crm, mark: Mark) -> None:
        self._reads = Reads(dsn, size=1)
        self._crm = crm
        self._mark = mark
        self.provider = crm.provider

    async def __call__(self, effect: ReadReports, key: str) -> Verdict:
        tenant = await read(self._reads, lambda c: tenant_of_campaign(c, effect.campaign_id))
        if isinstance(tenant, Deferred):
            return tenant
        if tenant is None:
            return BEHIND
        page = await self._crm.events(effect.campaign_id, effect.cursor)
        if not isinstance(page, ReportPage):
            return page
        reports = [self._report(tenant, one) for one in page.reports]
        return Accepted(effect.campaign_id, {"reports": reports, "next": page.next, "more": page.more})

    async def close(self) -> None:
        await self._reads.close()
        await self._crm.close()

    def _report(self, tenant: str, report: Report) -> dict[str, Any]:
        return {
            "report_id": report.id,
            "mark": self._mark(tenant, report.address),
            "kind": report.kind.value,
            "at": None if report.at is None else report.at.isoformat(),
            "url": None if report.url is None else report.url[:LONGEST_URL],
            "machine": report.machine,
        }
