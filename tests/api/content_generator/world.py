"""The product between the CRM, the platform, three networks, Notion and a receiver of webhooks, all imitated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

import bootstrap
from tests.api.content_generator.surface import CRM_SECRET, NAME
from tests.api.product import Served, serving, unlimited
from tests.imitations import Imitation, facebook, keyed, linkedin, notion, webhook_sink, x
from tests.imitations.crm import CrmImitation
from tests.imitations.platform import PlatformImitation

MOUNT = "content-generator"
PAGE = "0123456789abcdef0123456789abcdef"
DOCUMENT = f"notion:{PAGE}"
ENDPOINTS = "select count(*) from read_models.content_generator_webhook_endpoints"
WHILE_LOOKED_FOR = timedelta(minutes=2)
"""The time after which a post without an answer has been looked for."""


@dataclass
class Providers:
    """All that is imitated."""

    x: x.XImitation
    linkedin: linkedin.LinkedInImitation
    facebook: facebook.FacebookImitation
    crm: CrmImitation
    platform: PlatformImitation
    notion: notion.NotionImitation
    sink: webhook_sink.WebhookSink

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a product between them."""
        return {
            "X_BASE_URL": self.x.url,
            "X_ACCESS_TOKEN": x.ACCESS_TOKEN,
            "LINKEDIN_BASE_URL": self.linkedin.url,
            "LINKEDIN_ACCESS_TOKEN": linkedin.ACCESS_TOKEN,
            "LINKEDIN_AUTHOR": linkedin.AUTHOR,
            "FACEBOOK_BASE_URL": self.facebook.url,
            "FACEBOOK_ACCESS_TOKEN": facebook.ACCESS_TOKEN,
            "FACEBOOK_PAGE_ID": facebook.PAGE_ID,
            "CRM_BASE_URL": self.crm.url,
            "CRM_API_KEY": keyed.API_KEY,
            "CRM_WEBHOOK_SECRET": CRM_SECRET,
            "PLATFORM_BASE_URL": self.platform.url,
            "PLATFORM_API_KEY": keyed.API_KEY,
            "NOTION_BASE_URL": self.notion.url,
            "NOTION_TOKEN": notion.TOKEN,
            "CONTENT_GENERATOR_WEBHOOK_URL": f"{self.sink.url}/jobs",
            "CONTENT_GENERATOR_WEBHOOK_SECRET": webhook_sink.SECRET,
            "HEADWATER_ALLOW_PRIVATE_WEBHOOKS": "true",
        }


@dataclass
class World(Providers):
    """The product and all that is imitated."""

    product: Served

    def begin_anew(self) -> None:
        """Forget all that came, once nothing is due any more."""
        self.product.settle()
        others: list[Imitation] = [self.x, self.linkedin, self.facebook, self.crm, self.platform, self.sink]
        for imitation in others:
            imitation.begin_anew()
        self.crm.subscribers = [subscriber(1)]

    def key(self, *scopes: str, tenant: str = "") -> dict[str, str]:
        """The header with a key of a tenant."""
        tokens = bootstrap.tokens(self.product.settings, NAME)
        limits, now = unlimited(NAME), datetime.now(UTC)
        token = tokens.issue("ana", scopes or ("write",), now, timedelta(hours=1), limits, tenant=tenant)
        return self.product.presenting(NAME, token)

    def ask(self, method: str, path: str, body: object = None, tenant: str = "", key: str = "") -> httpx2.Response:
        """The answer to a request below `/api`."""
        headers = self.key(tenant=tenant) | ({"Idempotency-Key": key} if key else {})
        return self.product.http.request(method, f"/{MOUNT}/api{path}", json=body, headers=headers)

    def ok(self, method: str, path: str, body: object = None, tenant: str = "") -> dict[str, Any]:
        """The body of an answer that must be 200."""
        answer = self.ask(method, path, body, tenant)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def sync(self, *channels: str, **more: object) -> str:
        """The id of a new job, once nothing is due any more."""
        job = self.ok("POST", "/v2/content/sync", {"document_id": DOCUMENT, "channels": channels, **more})
        self.product.settle()
        return str(job["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return self.ok("GET", f"/v2/jobs/{job_id}")

    def retry(self, job_id: str, **body: object) -> str:
        """The id of a retry, once nothing is due any more."""
        found = self.ok("POST", f"/v2/jobs/{job_id}/retry", body or None)
        self.product.settle()
        return str(found["new_job_id"])


def subscriber(number: int) -> dict[str, Any]:
    return {"id": f"s-{number}", "email": f"reader{number}@example.com", "name": "", "status": "active", "tags": []}


@contextmanager
def providers() -> Iterator[Providers]:
    """Imitations, with one page in Notion."""
    kinds: tuple[type[Imitation], ...] = (
        x.XImitation,
        linkedin.LinkedInImitation,
        facebook.FacebookImitation,
        CrmImitation,
        PlatformImitation,
        notion.NotionImitation,
        webhook_sink.WebhookSink,
    )
    with ExitStack() as stack:
        imitations: list[Any] = [stack.enter_context(kind()) for kind in kinds]
        made = Providers(*imitations)
        _write(made.notion)
        yield made


@contextmanager
def world() -> Iterator[World]:
    """The product between its imitations."""
    with providers() as imitated, serving(Served, imitated.variables) as product:
        made = World(**vars(imitated), product=product)
        product.wait(lambda: product.ask(ENDPOINTS) == [(1,)], "the endpoint is not registered")
        product.advance(timedelta(seconds=1))  # a webhook is about what happened after that
        yield made


def _write(pages: notion.NotionImitation) -> None:
    blocks = [
        notion.block("heading_2", "[Tips] Breathe out longer"),
        notion.block("paragraph", "A long breath out calms you."),
    ]
    for page_id in (PAGE, f"{PAGE[:8]}-{PAGE[8:12]}-{PAGE[12:16]}-{PAGE[16:20]}-{PAGE[20:]}"):
        pages.add(page_id, "The March letter", *blocks)
