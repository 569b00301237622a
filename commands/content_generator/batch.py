"""The batches of a campaign: a few in flight, each answered for itself, and the campaign's end after the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from commands.content_generator.answers import output_of, whole
from domain.content_generator.campaign import (
    AT_ONCE,
    BatchFailed,
    BatchPhase,
    BatchSent,
    BatchUnconfirmed,
    Campaign,
    CampaignEvent,
    CampaignFailed,
    CampaignPhase,
    CampaignSent,
    SendingStarted,
    evolve,
)
from domain.messages import Attempt, Command, Instant, Reply, Result


class StartSending(Command, name="content_generator.campaign.start_sending.v1", key="campaign_id"):
    """Send the first batches. `position` is the sequence of the record that ended the audience."""

    campaign_id: str
    position: int


class RecordBatch(Reply, name="content_generator.campaign.record_batch.v1", key="campaign_id"):
    campaign_id: str
    batch: int
    run: int


def start_sending(command: StartSending, campaign: Campaign) -> Sequence[CampaignEvent]:
    if campaign.phase is not CampaignPhase.RESOLVING or not campaign.resolved:
        return []
    positioned = campaign.model_copy(update={"position": command.position})
    left = positioned.in_phase(BatchPhase.OPEN)
    return sending_started(command.at, command.campaign_id, positioned, left, campaign.run)


def sending_started(
    at: Instant, campaign_id: str, campaign: Campaign, left: Sequence[int], run: int
) -> list[CampaignEvent]:
    """Open `left`, and send the first of them; the end at once where nothing is left."""
    position = campaign.position
    assert position is not None
    reopened = campaign.batches | dict.fromkeys(left, BatchPhase.OPEN)
    campaign = campaign.model_copy(update={"batches": reopened, "run": run})
    if not left:
        return [_end(at, campaign_id, campaign)]
    started = SendingStarted(
        at=at,
        campaign_id=campaign_id,
        tenant=campaign.tenant,
        root=campaign.root,
        run=run,
        first=tuple(left[:AT_ONCE]),
        following=tuple(left[AT_ONCE:]),
        position=position,
        test_mode=campaign.test_mode,
        round=campaign.round,
    )
    return [started]


def record_batch(command: RecordBatch, campaign: Campaign) -> Sequence[CampaignEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED or command.run != campaign.sending_run:
        return []
    if campaign.batches.get(command.batch) is not BatchPhase.IN_FLIGHT:
        return []
    answered = _answered(command, campaign, attempt)
    after = evolve(campaign, answered)
    waiting = after.in_phase(BatchPhase.OPEN, BatchPhase.IN_FLIGHT)
    return [answered] if waiting else [answered, _end(command.at, command.campaign_id, after)]


class _BatchFields(TypedDict):
    at: Instant
    campaign_id: str
    tenant: str
    batch: int
    following: int | None
    root: str | None
    run: int
    position: int
    test_mode: bool
    round: int


class _EndFields(TypedDict):
    at: Instant
    campaign_id: str
    tenant: str
    root: str | None
    run: int
    recipients: int


def _answered(command: RecordBatch, campaign: Campaign, attempt: Attempt) -> BatchSent | BatchFailed | BatchUnconfirmed:
    assert campaign.position is not None
    fields: _BatchFields = {
        "at": command.at,
        "campaign_id": command.campaign_id,
        "tenant": campaign.tenant,
        "batch": command.batch,
        "following": next(iter(campaign.in_phase(BatchPhase.OPEN)), None),
        "root": campaign.root,
        "run": campaign.sending_run,
        "position": campaign.position,
        "test_mode": campaign.test_mode,
        "round": campaign.round,
    }
    match attempt.result:
        case Result.ACCEPTED:
            output = output_of(attempt)
            accepted, suppressed = whole(output, "accepted") or 0, whole(output, "suppressed") or 0
            return BatchSent(**fields, accepted=accepted, suppressed=suppressed)
        case Result.UNCONFIRMED:
            return BatchUnconfirmed(**fields, reason=attempt.reason)
        case _:
            return BatchFailed(**fields, code=attempt.code or "unavailable", reason=attempt.reason)


def _end(at: Instant, campaign_id: str, campaign: Campaign) -> CampaignSent | CampaignFailed:
    about: _EndFields = {
        "at": at,
        "campaign_id": campaign_id,
        "tenant": campaign.tenant,
        "root": campaign.root,
        "run": campaign.run,
        "recipients": campaign.accepted,
    }
    refused, unknown = campaign.in_phase(BatchPhase.FAILED), campaign.in_phase(BatchPhase.UNCONFIRMED)
    if not refused and not unknown:
        return CampaignSent(**about)
    sent, every = len(campaign.in_phase(BatchPhase.SENT)), len(campaign.batches)
    counts = f"{sent} of {every} batches were sent, {len(refused)} refused, {len(unknown)} without an answer"
    code = "refused" if refused else "unconfirmed"
    return CampaignFailed(**about, code=code, reason=counts, unconfirmed=not refused)
