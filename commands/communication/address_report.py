"""A report on an address: its consequences for the person, and the search for the others who have the address."""

from __future__ import annotations

from collections.abc import Sequence

from commands.communication.opt_out import opt_out_of_channel
from domain.communication.address_report import AddressReport, OwnersFound, ReportHeard, ReportMarked
from domain.communication.addresses import same_address
from domain.communication.consent import AddressReported, AddressSuppressed, OptOutSource
from domain.communication.kinds import Channel
from domain.communication.permanent_codes import AddressFact
from domain.communication.recipient import Recipient
from domain.messages import Command, Event, Instant, Reply, Result

ELSEWHERE = "reported dead with another message to this address"


class RecordMark(Reply, name="communication.address_report.record_mark.v1", key="report_id"):
    """Record the address's mark and the keys of the report's records: `mark` and `keys` of the attempt's output."""

    report_id: str
    channel: Channel
    fact: AddressFact
    reported_at: Instant


class HearReport(Command, name="communication.address_report.hear.v1", key="report_id"):
    """Record a report in one partition; the fields are those of ReportHeard."""

    report_id: str
    channel: Channel
    fact: AddressFact
    reported_at: Instant
    mark: str
    partitions: int


class RecordOwners(Reply, name="communication.address_report.record_owners.v1", key="report_id"):
    """Record the users of this partition with the address: `user_ids` of the attempt's output."""

    report_id: str


class SuppressAddress(Command, name="communication.recipient.suppress_address.v1", key="user_id", subject="user_id"):
    """Suppress the person's address, unless it was given, or its number verified, after the report."""

    user_id: int
    channel: Channel
    reported_at: Instant


def record_mark(command: RecordMark, report: AddressReport) -> Sequence[Event]:
    attempt = command.attempt
    if attempt is None or attempt.result is not Result.ACCEPTED or report.marked is not None:
        return []
    output = attempt.output or {}
    return [
        ReportMarked(
            at=command.at,
            report_id=command.report_id,
            channel=command.channel,
            fact=command.fact,
            reported_at=command.reported_at,
            mark=output["mark"],
            keys=output["keys"],
        )
    ]


def hear_report(command: HearReport, report: AddressReport) -> Sequence[Event]:
    return [] if report.heard is not None else [ReportHeard(**command.model_dump())]


def record_owners(command: RecordOwners, report: AddressReport) -> Sequence[Event]:
    attempt, heard = command.attempt, report.heard
    if attempt is None or heard is None or attempt.result is Result.DEFERRED:
        return []
    if attempt.result is not Result.ACCEPTED:  # given up without a result: search again
        return [heard.model_copy(update={"at": command.at, "round": heard.round + 1})]
    user_ids = (attempt.output or {})["user_ids"]
    if not user_ids:
        return []
    return [
        OwnersFound(
            at=command.at,
            report_id=command.report_id,
            channel=heard.channel,
            fact=heard.fact,
            reported_at=heard.reported_at,
            user_ids=user_ids,
        )
    ]


def suppress_address(command: SuppressAddress, recipient: Recipient) -> Sequence[Event]:
    reach = recipient.reach(command.channel)
    since = reach.agreed_at if command.channel is Channel.SMS else reach.address_since
    later = since is not None and since > command.reported_at
    if reach.address is None or reach.suppressed or later:
        return []
    return [_suppressed(command.at, command.user_id, command.channel, ELSEWHERE)]


def address_reported(
    recipient: Recipient, report: AddressReported, reason: str | None = "", *, news: bool = True
) -> list[Event]:
    """The consequences of a report on the address that a message to the person went to, and the report itself.

    Nothing once the address is erased, or if a report without `news` changes nothing.
    """
    if report.address is None:
        return []
    events = _consequences(recipient, report, reason)
    return [*events, report] if events or news else []


def _consequences(recipient: Recipient, report: AddressReported, reason: str | None) -> list[Event]:
    """A complaint is the person's word about all messages; the other facts bind to the address."""
    at, user_id, channel = report.at, report.user_id, report.channel
    reach = recipient.reach(channel)
    present = same_address(channel, reach.address, report.address)
    match report.fact:
        case AddressFact.DEAD if present and not reach.suppressed:
            return [_suppressed(at, user_id, channel, reason or "permanent bounce")]
        case AddressFact.STOPPED if present:
            return opt_out_of_channel(recipient, at, user_id, channel, OptOutSource.PROVIDER, "stopped at the provider")
        case AddressFact.COMPLAINED:
            return opt_out_of_channel(recipient, at, user_id, channel, OptOutSource.COMPLAINT, "complaint")
    return []


def _suppressed(at: Instant, user_id: int, channel: Channel, reason: str) -> AddressSuppressed:
    return AddressSuppressed(at=at, user_id=user_id, channel=channel, reason=reason)
