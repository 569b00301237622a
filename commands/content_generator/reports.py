"""The CRM's reports on a campaign, read page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from domain.content_generator.campaign import (
    Campaign,
    CampaignEvent,
    CampaignPhase,
    Report,
    ReportsRead,
    ReportsRequested,
)
from domain.messages import Command, Reply, Result


class RequestReports(Command, name="content_generator.campaign.request_reports.v1", key="campaign_id"):
    """Read the reports that have come since. `look` counts the timed looks; a look by request has none."""

    campaign_id: str
    look: int | None = None


class RecordReports(Reply, name="content_generator.campaign.record_reports.v1", key="campaign_id"):
    campaign_id: str


def request_reports(command: RequestReports, campaign: Campaign) -> Sequence[CampaignEvent]:
    """A reading under way serves another by request; a timed one goes on, as the one before may have been lost."""
    if campaign.phase not in (CampaignPhase.SENDING, CampaignPhase.SENT, CampaignPhase.FAILED):
        return []
    if campaign.reading and command.look is None:
        return []
    return [
        ReportsRequested(
            at=command.at,
            campaign_id=command.campaign_id,
            tenant=campaign.tenant,
            cursor=campaign.cursor,
            look=command.look,
        )
    ]


def record_reports(command: RecordReports, campaign: Campaign) -> Sequence[CampaignEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED:
        return []
    output = attempt.output or {} if attempt.result is Result.ACCEPTED else {}
    try:
        reports = tuple(_report(one, command) for one in output.get("reports", []))
    except ValidationError:
        reports, output = (), {}
    return [
        ReportsRead(
            at=command.at,
            campaign_id=command.campaign_id,
            tenant=campaign.tenant,
            cursor=output.get("next") or campaign.cursor,
            reports=reports,
            more=bool(output.get("more")),
        )
    ]


def _report(one: dict[str, Any], command: RecordReports) -> Report:
    """A report without a time of its own has that of its reading."""
    return Report.model_validate(one | {"at": one.get("at") or command.at})
