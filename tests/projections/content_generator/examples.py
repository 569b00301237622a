"""Commands of the context, as the edge makes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from commands.content_generator.campaign import RequestCampaign
from commands.content_generator.document import RequestFetch
from commands.content_generator.live_session import JoinSession
from commands.content_generator.publication import RequestPublication, WantedStatus
from commands.content_generator.sync_job import RequestSyncJob
from domain.calls.document import Source
from domain.content_generator.kinds import Channel, JobKind, Options
from domain.content_generator.live_session import Role
from domain.content_generator.publication import Page, PageCategory, PageMetadata
from tests.projections.content_generator.running import NOW, TENANT

ROOT = "0123456789abcdef0123456789abcdef"
JOB = f"sync-job-{ROOT}"
NEWSLETTER = f"email-job-{'f' * 32}"
PAGE = Page(
    title="News",
    content="<article>",
    category=PageCategory.BLOG,
    tags=("a",),
    author="Ana",
    seo_metadata=PageMetadata(meta_description="d"),
)


def sync(*channels: Channel, root: str = ROOT, due_at: datetime | None = None, **more: Any) -> RequestSyncJob:
    given: dict[str, Any] = {
        "root": root,
        "tenant": TENANT,
        "kind": JobKind.SYNC,
        "source": Source.NOTION,
        "document": "document-key",
        "document_id": "notion:page",
        "summary": None,
        "correlation_id": "c",
        "options": Options(),
        "requested_by": "ana",
    }
    return RequestSyncJob(at=NOW, channels=channels, due_at=due_at, **given | more)


def newsletter(**more: Any) -> RequestCampaign:
    given = {"subject_line": "News", "html": "<p>News</p>", "text": "News"}
    return RequestCampaign(at=NOW, campaign_id=NEWSLETTER, tenant=TENANT, **given | more)


def page(status: WantedStatus, **more: Any) -> RequestPublication:
    return RequestPublication(at=NOW, content_id="content-1", tenant=TENANT, status=status, page=PAGE, **more)


def fetch(max_age: float = 0) -> RequestFetch:
    return RequestFetch(
        at=NOW, document="document-key", tenant=TENANT, source=Source.NOTION, document_id="page", max_age=max_age
    )


def join(client: str, role: Role = Role.PARTICIPANT, session_id: str = "morning-001", node: str = "n") -> JoinSession:
    return JoinSession(
        at=NOW,
        session=f"{TENANT}/{session_id}",
        tenant=TENANT,
        session_id=session_id,
        mark=f"mark-{client}",
        client_id=client,
        client_name=client.title(),
        role=role,
        connection_id=f"{session_id}/{client}",
        node=node,
    )
