"""One row per campaign: its course. What its batches and reports count stands in tables beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, assert_never

from psycopg import AsyncConnection

from domain.content_generator.campaign import (
    AudienceCounted,
    AudienceFailed,
    AudiencePageRequested,
    AudienceResolved,
    BatchFailed,
    BatchSent,
    BatchUnconfirmed,
    CampaignCancelled,
    CampaignEvent,
    CampaignFailed,
    CampaignPhase,
    CampaignRequested,
    CampaignRequestedAgain,
    CampaignScheduled,
    CampaignSent,
    OfCampaign,
    RecipientAddressed,
    ReportsRead,
    ReportsRequested,
    SendingStarted,
)
from domain.content_generator.events import ContentGeneratorEvent
from domain.content_generator.kinds import JobStatus
from streams.core.envelope import Recorded
from streams.core.read_models import Change, ReadModel, Row, change, put


def project(event: Recorded[ContentGeneratorEvent]) -> Iterator[Change]:
    match event.fact:
        case CampaignRequested() as requested:
            yield _requested(requested)
        case OfCampaign() as fact:
            columns = _columns(fact)
            if columns:
                yield change(fact.campaign_id, **columns)


def _requested(fact: CampaignRequested) -> Change:
    return put(
        fact.campaign_id,
        tenant=fact.tenant,
        root=fact.root,
        run=fact.run,
        phase=CampaignPhase.COUNTING.value,
        test_mode=fact.test_mode,
        requested_at=fact.at,
        due_at=fact.due_at,
    )


def _columns(fact: CampaignEvent) -> dict[str, object]:
    match fact:
        case CampaignSent() | CampaignFailed() | CampaignCancelled():
            return _end(fact)
        case CampaignRequestedAgain():
            return {"run": fact.run}
        case AudienceCounted() | AudiencePageRequested() | AudienceResolved():
            return _audience(fact)
        case CampaignScheduled():
            return {"phase": CampaignPhase.SCHEDULED.value}
        case SendingStarted():
            return {"phase": CampaignPhase.SENDING.value, "run": fact.run, **NO_END}
        case ReportsRead():
            return {"observed_at": fact.at}
        case RecipientAddressed() | AudienceFailed() | ReportsRequested() | CampaignRequested():
            return {}
        case BatchSent() | BatchFailed() | BatchUnconfirmed():
            return {}  # the table of batches shows them
        case _:
            assert_never(fact)


def _audience(fact: AudienceCounted | AudiencePageRequested | AudienceResolved) -> dict[str, object]:
    match fact:
        case AudienceCounted():
            return {"counted": fact.recipients}
        case AudiencePageRequested():
            return {"phase": CampaignPhase.RESOLVING.value, "round": fact.round, **NO_END}
        case AudienceResolved():
            return {"addressed": fact.recipients}


NO_END: dict[str, object] = {"ended_at": None, "code": None, "reason": None}


def _end(over: CampaignSent | CampaignFailed | CampaignCancelled) -> dict[str, object]:
    match over:
        case CampaignSent():
            return NO_END | {"phase": CampaignPhase.SENT.value, "ended_at": over.at}
        case CampaignFailed():
            why = {"code": over.code, "reason": over.reason}
            return {"phase": CampaignPhase.FAILED.value, "ended_at": over.at, **why}
        case CampaignCancelled():
            why = {"code": "cancelled", "reason": "the newsletter was cancelled before its time"}
            return {"phase": CampaignPhase.CANCELLED.value, "ended_at": over.at, **why}


CAMPAIGNS = ReadModel(
    "content_generator_campaigns",
    version=1,
    key=("campaign_id",),
    project=project,
    ddl="""
    create table {table} (
        campaign_id     text primary key,
        tenant          text not null,
        root            text,
        run             int not null,
        phase           text not null,
        test_mode       boolean not null,
        requested_at    timestamptz not null,
        due_at          timestamptz,
        round           int not null default 0,
        counted         int,
        addressed       int,
        ended_at        timestamptz,
        code            text,
        reason          text,
        observed_at     timestamptz
    );
""",
)


class CampaignRow(NamedTuple):
    """A campaign. Its filter had `counted` recipients when it was requested, `addressed` when it was resolved.

    `accepted` are the recipients in batches that the CRM took. A newsletter has no `root`.
    """

    campaign_id: str
    tenant: str
    root: str | None
    run: int
    phase: CampaignPhase
    test_mode: bool
    requested_at: datetime
    due_at: datetime | None
    counted: int | None
    addressed: int | None
    ended_at: datetime | None
    code: str | None
    reason: str | None
    observed_at: datetime | None
    accepted: int

    @property
    def status(self) -> JobStatus:
        """The status of the e-mail job, in the document's words."""
        return STATUSES[self.phase]


STATUSES: dict[CampaignPhase, JobStatus] = {
    CampaignPhase.ABSENT: JobStatus.PENDING,
    CampaignPhase.COUNTING: JobStatus.PENDING,
    CampaignPhase.SCHEDULED: JobStatus.PENDING,
    CampaignPhase.RESOLVING: JobStatus.IN_PROGRESS,
    CampaignPhase.SENDING: JobStatus.IN_PROGRESS,
    CampaignPhase.SENT: JobStatus.COMPLETED,
    CampaignPhase.FAILED: JobStatus.FAILED,
    CampaignPhase.CANCELLED: JobStatus.FAILED,
}
"""The status of an e-mail job in each phase of its campaign."""

BY_ID = f"""
    select {", ".join(f"c.{name}" for name in CampaignRow._fields if name != "accepted")},
           (select coalesce(sum(accepted), 0)::int from content_generator_batches b
             where b.campaign_id = c.campaign_id)
      from content_generator_campaigns c where campaign_id = %s and tenant = %s
"""


async def campaign_by_id(connection: AsyncConnection[Row], tenant: str, campaign_id: str) -> CampaignRow | None:
    """The tenant's campaign, by the id of its e-mail job; None if there is none."""
    row = await (await connection.execute(BY_ID, (campaign_id, tenant))).fetchone()
    if row is None:
        return None
    found = CampaignRow(*row)
    return found._replace(phase=CampaignPhase(found.phase))


async def tenant_of_campaign(connection: AsyncConnection[Row], campaign_id: str) -> str | None:
    """The tenant of a campaign; None if there is no such campaign."""
    sql = "select tenant from content_generator_campaigns where campaign_id = %s"
    row = await (await connection.execute(sql, (campaign_id,))).fetchone()
    return None if row is None else str(row[0])
