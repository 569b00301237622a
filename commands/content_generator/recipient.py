"""Reports on recipients, and their own word on whether they want mail."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypedDict

from domain.content_generator.recipient import (
    Received,
    Recipient,
    RecipientBounced,
    RecipientComplained,
    RecipientDelivered,
    RecipientEvent,
    RecipientLinkClicked,
    RecipientOpened,
    RecipientResubscribed,
    RecipientStatus,
    RecipientUnsubscribed,
    UnsubscribeSource,
)
from domain.messages import Command, Instant


class ReportKind(StrEnum):
    """The kinds of the CRM's reports."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


class RecordReport(Command, name="content_generator.recipient.record_report.v1", key="mark", subject="mark"):
    """Record a report on a recipient of a campaign. Its command id derives from the report's id, so it counts once."""

    mark: str
    campaign_id: str
    report_id: str
    kind: ReportKind
    reported_at: Instant
    url: str | None = None
    machine: bool = False


class Unsubscribe(Command, name="content_generator.recipient.unsubscribe.v1", key="mark", subject="mark"):
    mark: str
    source: UnsubscribeSource
    campaign_id: str | None = None


class Resubscribe(Command, name="content_generator.recipient.resubscribe.v1", key="mark", subject="mark"):
    mark: str
    source: str


class _Reported(TypedDict):
    at: Instant
    mark: str
    campaign_id: str
    report_id: str
    delivers: bool


def record_report(command: RecordReport, recipient: Recipient) -> Sequence[RecipientEvent]:
    """An open or a click proves the delivery. Later reports never make a recipient active again."""
    received = recipient.of(command.campaign_id)
    proves = command.kind in (ReportKind.DELIVERED, ReportKind.OPENED, ReportKind.CLICKED)
    reported: _Reported = {
        "at": command.reported_at,
        "mark": command.mark,
        "campaign_id": command.campaign_id,
        "report_id": command.report_id,
        "delivers": proves and not received.delivered,
    }
    match command.kind:
        case ReportKind.DELIVERED:
            return [RecipientDelivered(**reported, first=True)] if not received.delivered else []
        case ReportKind.OPENED:
            return [_opened(command, received, reported)]
        case ReportKind.CLICKED:
            return [RecipientLinkClicked(**reported, first=not received.clicked, url=command.url or "")]
        case ReportKind.BOUNCED:
            ends_mail = recipient.status is not RecipientStatus.UNSUBSCRIBED
            return [RecipientBounced(**reported, first=not received.bounced, ends_mail=ends_mail)]
        case ReportKind.COMPLAINED:
            complained = RecipientComplained(**reported, first=not received.complained)
            return [complained, *_unsubscribed(command, recipient, UnsubscribeSource.COMPLAINT, command.reported_at)]
        case ReportKind.UNSUBSCRIBED:
            return _unsubscribed(command, recipient, UnsubscribeSource.CRM, command.reported_at)


def _opened(command: RecordReport, received: Received, reported: _Reported) -> RecipientOpened:
    known = received.opened_by_machine if command.machine else received.opened
    return RecipientOpened(**reported, first=not known, machine=command.machine)


def unsubscribe(command: Unsubscribe, recipient: Recipient) -> Sequence[RecipientEvent]:
    return _unsubscribed(command, recipient, command.source, command.at)


def _unsubscribed(
    command: RecordReport | Unsubscribe, recipient: Recipient, source: UnsubscribeSource, at: Instant
) -> list[RecipientEvent]:
    campaign_id = command.campaign_id
    first = campaign_id is not None and not recipient.of(campaign_id).unsubscribed
    if recipient.status is RecipientStatus.UNSUBSCRIBED and not first:
        return []
    return [RecipientUnsubscribed(at=at, mark=command.mark, source=source, campaign_id=campaign_id, first=first)]


def resubscribe(command: Resubscribe, recipient: Recipient) -> Sequence[RecipientEvent]:
    if recipient.status is not RecipientStatus.UNSUBSCRIBED:
        return []
    return [RecipientResubscribed(at=command.at, mark=command.mark, source=command.source)]
