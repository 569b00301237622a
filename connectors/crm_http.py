"""The CRM over HTTP. It remembers idempotency keys, so an attempt without an answer is repeated under the same key."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import httpx2

from connectors.crm import Audience, AudiencePage, CampaignBatch, ReportPage, Subscriber
from connectors.crm_reports import LISTS, reports_of
from connectors.email import without_addresses
from connectors.http_client import BAD_ANSWER, Body, fields_in_answer
from connectors.keyed_api import client_of, is_healthy, problem_of, write
from connectors.provider_json import (
    Fields,
    address_in,
    as_fields,
    count_in,
    first_word,
    id_in,
    items_in,
    recordable,
    word_in,
)
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict

SUBSCRIBERS = ("recipients", "subscribers", "users", "contacts", "items", "data")
TOTALS = ("total", "count", "total_count")
CURSORS = ("next", "next_cursor")
LONGEST_CURSOR = 2000

PAGE_SIZE = 500
MOST_PAGES = 2000
"""The most pages that are counted of a CRM that gives no total."""

_FAILED = frozenset({"failed", "rejected", "error"})


class HttpCrm:
    """The client of a CRM at an address, with its key."""

    provider = "crm"
    idempotent = True

    def __init__(self, base_url: str, api_key: str, timeout_seconds: float = 10.0) -> None:
        self._client = client_of("the CRM", base_url, api_key, timeout_seconds, without_addresses)

    async def count(self, audience: Audience) -> int | Deferred | Rejected:
        """The total that the CRM gives; the sum of its pages where it gives none."""
        counted, cursor = 0, None
        for _ in range(MOST_PAGES):
            page = await self.page(audience, PAGE_SIZE, cursor)
            if not isinstance(page, AudiencePage):
                return page
            if page.total is not None:
                return page.total
            counted, cursor = counted + len(page.subscribers), page.next
            if cursor is None:
                return counted
        return Rejected(BAD_ANSWER, f"the CRM lists more than {MOST_PAGES} pages and gives no total")

    async def page(self, audience: Audience, limit: int, cursor: str | None) -> AudiencePage | Deferred | Rejected:
        segment = [] if audience.segment is None else [("segment", audience.segment)]
        following = [] if cursor is None else [("cursor", cursor)]
        query = [*segment, *(("tags", tag) for tag in audience.tags), ("limit", str(limit)), *following]
        answer = await self._client.read(f"/api/v1/subscribers?{urlencode(query)}")
        if not isinstance(answer, Body):
            return answer
        page = _page_of(answer.value)
        if page is None or (cursor is not None and page.next == cursor):
            return Deferred(BAD_ANSWER, "the CRM answered something else than the page of subscribers asked for")
        return page

    async def send(self, batch: CampaignBatch, key: str) -> Verdict:
        answer = await write(self._client, "/api/v1/campaigns", _body(batch), key)
        if not isinstance(answer, httpx2.Response):
            return answer
        return _taken(answer, len(batch.recipients)) if answer.is_success else self._client.failure(answer)

    async def events(self, campaign_id: str, after: str | None) -> ReportPage | Deferred | Rejected:
        query = "" if after is None else f"?{urlencode({'after': after})}"
        answer = await self._client.read(f"/api/v1/campaigns/{quote(campaign_id, safe='')}/events{query}")
        if not isinstance(answer, Body):
            return answer
        fields = as_fields(answer.value)
        entries = items_in(fields, *LISTS)
        if entries is None:
            return Deferred(BAD_ANSWER, "the CRM answered something else than a list of events")
        following = _cursor(fields)
        more = fields.get("has_more") is True and following not in (None, after)
        return ReportPage(reports_of(entries), following or after, more)

    async def healthy(self) -> bool:
        return await is_healthy(self._client)

    async def close(self) -> None:
        await self._client.close()


def _body(batch: CampaignBatch) -> Fields:
    return {
        "campaign_id": batch.campaign_id,
        "batch": batch.batch,
        "subject": batch.subject_line,
        "html_content": batch.html,
        "text_content": batch.text,
        "recipients": [{"id": one.id, "email": one.address} for one in batch.recipients],
        "headers": dict(batch.headers),
        "test": batch.test,
    }


def _taken(answer: httpx2.Response, recipients: int) -> Accepted | Rejected | Unknown:
    fields = fields_in_answer(answer)
    batch_id, status = id_in(fields, "id", "batch_id"), word_in(fields, "status").lower()
    if status in _FAILED:
        problem = problem_of(fields)
        return Rejected(status, without_addresses(problem.sentence) or f"the CRM took the batch as {status}")
    if not batch_id:
        return Unknown(f"the CRM answered {answer.status_code} without naming the batch")
    accepted = count_in(fields, "accepted")
    return Accepted(batch_id, {"accepted": recipients if accepted is None else accepted, "status": status})


def _page_of(value: object) -> AudiencePage | None:
    fields = as_fields(value)
    entries = value if isinstance(value, list) else items_in(fields, *SUBSCRIBERS)
    if entries is None:
        return None
    read = (_subscriber(as_fields(entry)) for entry in entries)
    total = next((count for name in TOTALS if (count := count_in(fields, name)) is not None), None)
    return AudiencePage(tuple(one for one in read if one is not None), total, _cursor(fields))


def _subscriber(fields: Fields) -> Subscriber | None:
    address = address_in(fields, "email", "email_address", "address")
    if not address:
        return None
    return Subscriber(
        id=id_in(fields, "id", "subscriber_id", "user_id", "contact_id") or address,
        address=address,
        name=first_word(fields, "name", "full_name"),
        status=first_word(fields, "status", "state").lower(),
        tags=tuple(recordable(tag) for tag in items_in(fields, "tags") or () if isinstance(tag, str)),
    )


def _cursor(fields: Fields) -> str | None:
    values = (fields.get(name) for name in CURSORS)
    words = (str(int(value)) if isinstance(value, float) else value for value in values)
    return next((word for word in words if isinstance(word, str) and 0 < len(word) <= LONGEST_CURSOR), None)
