"""The audience of a campaign: its number, and its recipients page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from commands.content_generator.effects import CountAudience, ResolveAudience
from connectors.crm import Audience, AudiencePage, Crm, Subscriber
from effects.lookup import BEHIND, read
from projections.content_generator.campaigns import tenant_of_campaign
from streams.core.calls import Accepted, Deferred, Rejected, Verdict
from streams.postgres.reads import Reads

PAGE = 500
"""Recipients of a page, which is a batch."""

NOWHERE = Subscriber(id="test", address="test@example.invalid", name="Test")
"""The recipient of a test for which no test recipients are set: an address that no mail reaches."""

LONGEST_ADDRESS, LONGEST_NAME = 320, 200
"""Characters of an address that any mail reaches, and of a name that is kept: a page is one record."""

Mark = Callable[[str, str], str]
"""The mark of an address in a tenant."""


class AudienceCount:
    """Counts the subscribers that a filter matches."""

    idempotent = True

    def __init__(self, crm: Crm) -> None:
        self._crm = crm
        self.provider = crm.provider

    async def __call__(self, effect: CountAudience, key: str) -> Verdict:
        found = await self._crm.count(Audience(effect.segment, effect.tags))
        if isinstance(found, Deferred | Rejected):
            return found
        return Accepted(effect.campaign_id, {"recipients": found})

    async def close(self) -> None:
        await self._crm.close()


class AudienceReading:
    """Reads one page of the active subscribers; in test mode the test recipients, of whom there is one page.

    `page` is the number of recipients of a page.
    """

    idempotent = True

    def __init__(self, dsn: str, crm: Crm, mark: Mark, test_recipients: Sequence[str], page: int = PAGE) -> None:
        self._reads = Reads(dsn, size=2)
        self._crm = crm
        self._mark = mark
        self._tests = tuple(Subscriber(id=address, address=address) for address in test_recipients) or (NOWHERE,)
        self._page = page
        self.provider = crm.provider

    async def __call__(self, effect: ResolveAudience, key: str) -> Verdict:
        tenant = await read(self._reads, lambda c: tenant_of_campaign(c, effect.campaign_id))
        if isinstance(tenant, Deferred):
            return tenant
        if tenant is None:
            return BEHIND
        page = AudiencePage(self._tests) if effect.test_mode else await self._read(effect)
        if isinstance(page, Deferred | Rejected):
            return page
        recipients = {self._mark(tenant, one.address): one for one in page.subscribers if _reachable(one)}
        rows = [
            {"mark": mark, "address": one.address, "name": one.name[:LONGEST_NAME]} for mark, one in recipients.items()
        ]
        return Accepted(effect.campaign_id, {"recipients": rows, "next": page.next})

    async def close(self) -> None:
        await self._reads.close()
        await self._crm.close()

    async def _read(self, effect: ResolveAudience) -> AudiencePage | Deferred | Rejected:
        return await self._crm.page(Audience(effect.segment, effect.tags), self._page, effect.cursor)


def _reachable(one: Subscriber) -> bool:
    return one.active and 0 < len(one.address) <= LONGEST_ADDRESS
