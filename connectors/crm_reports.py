"""The CRM's reports on recipients, pushed or polled: one or a list of them, as typed records.

IP addresses and user agents are not read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors.provider_json import (
    Fields,
    address_in,
    as_fields,
    first_word,
    id_in,
    items_in,
    moment_in,
    value_of,
    word_in,
)
from connectors.signatures import hex_valid

LONGEST_URL = 2000
LISTS = ("events", "reports", "items", "data")
"""The names under which reports stand in an object."""


class ReportKind(StrEnum):
    """Kinds of reports."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"


_SYNONYMS = {
    "delivery": ReportKind.DELIVERED,
    "open": ReportKind.OPENED,
    "click": ReportKind.CLICKED,
    "bounce": ReportKind.BOUNCED,
    "complaint": ReportKind.COMPLAINED,
    "spam": ReportKind.COMPLAINED,
    "unsubscribe": ReportKind.UNSUBSCRIBED,
} | {kind.value: kind for kind in ReportKind}


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `id` is the same in every delivery of it. `at` is None where the CRM gives no time.

    `campaign_id` may be the job's id instead; `machine` says that no person opened or clicked.
    """

    id: str
    kind: ReportKind
    address: str
    campaign_id: str
    at: datetime | None = None
    url: str | None = None
    machine: bool = False


def reports_in(body: bytes) -> tuple[Report, ...]:
    """The reports in a pushed body. Entries of other kinds are left out. Raises ValueError for a body without JSON."""
    value = value_of(body.decode())
    if isinstance(value, list):
        return reports_of(value)
    fields = as_fields(value)
    listed = items_in(fields, *LISTS)
    return reports_of([fields] if listed is None else listed)


def reports_of(entries: Sequence[object]) -> tuple[Report, ...]:
    """The reports among these entries."""
    read = (_report(as_fields(entry)) for entry in entries)
    return tuple(report for report in read if report is not None)


def report_signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether `X-Webhook-Signature` (`sha256=` and hex) is that of this body."""
    return hex_valid(secret, body, signature)


def _report(fields: Fields) -> Report | None:
    kind = _SYNONYMS.get(first_word(fields, "event", "type", "kind").lower().rpartition(".")[2])
    address = address_in(fields, "email", "address", "recipient")
    campaign_id = id_in(fields, "campaign_id", "job_id", "message_id")
    if kind is None or not address or not campaign_id:
        return None
    return Report(
        id=id_in(fields, "id", "event_id") or _digest(fields),
        kind=kind,
        address=address,
        campaign_id=campaign_id,
        at=moment_in(fields, "timestamp") or moment_in(fields, "at"),
        url=word_in(fields, "url", LONGEST_URL) or None,
        machine=fields.get("machine") is True,
    )


def _digest(fields: Fields) -> str:
    """An id of a report without one: the same for the same content, in whatever order."""
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return f"sha256:{hashlib.sha256(canonical).hexdigest()}"
