"""The CRM's reports on a campaign, read page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from commands.content_generator.answers import objects, output_of, text
from commands.content_generator.recipient import ReportKind
from domain.content_generator.campaign import (
    Campaign,
    CampaignEvent,
    CampaignPhase,
    Report,
    ReportsRead,
    ReportsRequested,
)
from domain.messages import Command, Instant, Reply, Result


class RequestReports(Command, name="content_generator.campaign.request_reports.v1", key="campaign_id"):
    """Read the reports that have come since. `look` counts the timed looks, which belong to the end of sending `since`.

    A look by request has neither.
    """

    campaign_id: str
    look: int | None = None
    since: Instant | None = None


class RecordReports(Reply, name="content_generator.campaign.record_reports.v1", key="campaign_id"):
    campaign_id: str


def request_reports(command: RequestReports, campaign: Campaign) -> Sequence[CampaignEvent]:
    """A reading under way serves another by request; a timed one goes on, as the one before may have been lost.

    A campaign that was retried has looks from its new end: those from the former one stop, or all would be twice.
    """
    if campaign.phase not in (CampaignPhase.SENDING, CampaignPhase.SENT, CampaignPhase.FAILED):
        return []
    if campaign.reading and command.look is None:
        return []
    if command.since is not None and command.since != campaign.over_at:
        return []
    return [
        ReportsRequested(
            at=command.at,
            campaign_id=command.campaign_id,
            tenant=campaign.tenant,
            cursor=campaign.cursor,
            look=command.look,
            since=command.since,
        )
    ]


def record_reports(command: RecordReports, campaign: Campaign) -> Sequence[CampaignEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED:
        return []
    output = output_of(attempt) if attempt.result is Result.ACCEPTED else {}
    following = text(output, "next") or campaign.cursor
    return [
        ReportsRead(
            at=command.at,
            campaign_id=command.campaign_id,
            tenant=campaign.tenant,
            cursor=following,
            reports=tuple(_readable(objects(output, "reports"), command.at)),
            more=bool(output.get("more")) and following != campaign.cursor,
        )
    ]


def _readable(reports: Iterable[dict[str, Any]], read_at: datetime) -> Iterator[Report]:
    """The reports of known kinds. One that cannot be read holds up no other, nor the pages that follow.

    A report without a time of its own has that of its reading.
    """
    for one in reports:
        try:
            report = Report.model_validate(one | {"at": one.get("at") or read_at})
            ReportKind(report.kind)
        except ValueError:
            continue
        yield report
