"""A provider's report on an address, kept until it is on record with everybody who has that address.

The report comes with a message to one person. It is marked by a hash that only this installation can make, recorded
once in each partition, and the owners of the address are searched there as soon as the read model has passed that
record, as for a STOP (`domain.communication.stop`).
"""

from __future__ import annotations

from typing import assert_never

from pydantic import BaseModel, ConfigDict

from domain.communication.kinds import Channel
from domain.communication.permanent_codes import AddressFact
from domain.messages import Event, Instant


class OfReport(Event):
    """An event of one report. `reported_at` is the time of the report: a later word of an owner outweighs it."""

    report_id: str
    channel: Channel
    fact: AddressFact
    reported_at: Instant


class ReportMarked(OfReport, name="communication.address_report.marked.v1"):
    """The address is known by its mark. `keys` are the ids of the report's records, one in each partition."""

    mark: str
    keys: tuple[str, ...]


class ReportHeard(OfReport, name="communication.address_report.heard.v1"):
    """The record in one of `partitions` partitions. `round` grows with every search that was given up."""

    mark: str
    partitions: int
    round: int = 1


class OwnersFound(OfReport, name="communication.address_report.owners_found.v1"):
    """The users of the partition who have the address."""

    user_ids: tuple[int, ...]


AddressReportEvent = ReportMarked | ReportHeard | OwnersFound


class AddressReport(BaseModel):
    """The report's records so far; None before the first of a kind."""

    model_config = ConfigDict(frozen=True)

    marked: ReportMarked | None = None
    heard: ReportHeard | None = None


def evolve(report: AddressReport, event: AddressReportEvent) -> AddressReport:
    """The report after the event."""
    match event:
        case ReportMarked():
            return report.model_copy(update={"marked": event})
        case ReportHeard():
            return report.model_copy(update={"heard": event})
        case OwnersFound():
            return report
        case _:
            assert_never(event)
