"""The retry of a newsletter that failed: it continues with the batches that were not sent."""

from __future__ import annotations

from collections.abc import Sequence

from commands.content_generator.batch import sending_started
from commands.content_generator.campaign import UnknownCampaign, page_requested
from domain.content_generator.campaign import (
    BatchPhase,
    Campaign,
    CampaignEvent,
    CampaignPhase,
    CampaignRequestedAgain,
)
from domain.messages import Command, Refused


class CampaignNotRetryable(Refused, name="content_generator.campaign_not_retryable"):
    """The newsletter has not failed, or what is left may have been sent, or a job retries it. 400 validation_error."""


class RetryCampaign(Command, name="content_generator.campaign.retry.v1", key="campaign_id"):
    """Continue a failed newsletter; batches without an answer are sent again only with `repeat_unconfirmed`."""

    campaign_id: str
    tenant: str
    repeat_unconfirmed: bool


def retry(command: RetryCampaign, campaign: Campaign) -> Sequence[CampaignEvent]:
    if campaign.phase is CampaignPhase.ABSENT or command.tenant != campaign.tenant:
        raise UnknownCampaign("there is no such job")
    if campaign.root is not None:
        raise CampaignNotRetryable("this e-mail belongs to a job: retry the job")
    if campaign.phase is not CampaignPhase.FAILED:
        raise CampaignNotRetryable(f"only a failed newsletter can be retried; this one is {campaign.phase}")
    run = campaign.run + 1
    again = CampaignRequestedAgain(at=command.at, campaign_id=command.campaign_id, tenant=campaign.tenant, run=run)
    if not campaign.resolved:
        return [again, page_requested(command, campaign, campaign.round + 1, 1, None)]
    return [again, *sending_started(command.at, command.campaign_id, campaign, _left(command, campaign), run)]


def _left(command: RetryCampaign, campaign: Campaign) -> list[int]:
    unconfirmed = (BatchPhase.UNCONFIRMED,) if command.repeat_unconfirmed else ()
    left = campaign.in_phase(BatchPhase.OPEN, BatchPhase.FAILED, *unconfirmed)
    if not left:
        raise CampaignNotRetryable('what is left may have been sent: retry with {"repeat_unconfirmed": true}')
    return left
