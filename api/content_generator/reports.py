"""The CRM's reports on recipients, pushed to us. They are signed over the raw body."""

from __future__ import annotations

from collections.abc import Set

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from api.content_generator.dependencies import NAME, Own
from api.errors import ApiError
from api.inbound import invalid_signature, submit_report
from api.routing import BODY, LeanRoute
from api.surface import surface_of
from commands.content_generator.campaign_reactions import report_key
from commands.content_generator.recipient import RecordReport, ReportKind
from connectors.crm_reports import Report, report_signed, reports_in
from domain.content_generator.kinds import campaign_id, run_of
from projections.content_generator.campaigns import tenant_of_campaign
from streams.postgres.tasks import timer_command_id

router = APIRouter(route_class=LeanRoute, prefix="/webhooks", tags=["Provider Reports"])

SIGNATURE = "X-Webhook-Signature"


class ReportsAnswer(BaseModel):
    """How many reports were about campaigns of ours."""

    status: str = "received"
    reports: int


@router.post("/crm")
async def crm(request: Request, own: Own) -> ReportsAnswer:
    """Take the CRM's reports: one, or a list. Each counts once, however it comes."""
    body: bytes = request.scope[BODY]
    secret = own.report_secret
    signature = request.headers.get(SIGNATURE, "")
    if secret is None or not report_signed(secret.get_secret_value(), body, signature):
        raise invalid_signature()
    try:
        reports = reports_in(body)
    except ValueError:
        raise ApiError(400, "Invalid body: must be JSON", kind="InvalidInput") from None
    tenants = await _tenants(own, {_campaign(report) for report in reports})
    ours = [(report, tenant) for report in reports if (tenant := tenants[_campaign(report)]) is not None]
    for report, tenant in ours:
        await _record(request, own, report, tenant)
    return ReportsAnswer(reports=len(ours))


def _campaign(report: Report) -> str:
    """The campaign of a report, which may name the job instead."""
    run = run_of(report.campaign_id)
    return report.campaign_id if run is None else campaign_id(run.root)


async def _tenants(own: Own, campaigns: Set[str]) -> dict[str, str | None]:
    """The tenant of each campaign; None for one that is not ours."""
    async with own.engine.reads.connection() as connection:
        return {campaign: await tenant_of_campaign(connection, campaign) for campaign in campaigns}


async def _record(request: Request, own: Own, report: Report, tenant: str) -> None:
    """Record a report under the command id of the timer that a polled one would make."""
    actions = surface_of(request).actions
    at = actions.clock.now()
    command = RecordReport(
        at=at,
        mark=own.recipient(tenant, report.address),
        campaign_id=_campaign(report),
        report_id=report.id,
        kind=ReportKind(report.kind.value),
        reported_at=report.at or at,
        url=report.url,
        machine=report.machine,
    )
    await submit_report(actions, command, "crm", timer_command_id(NAME, report_key(report.id)))
