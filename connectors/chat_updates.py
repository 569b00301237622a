"""Updates of chat services as typed records, whatever the service: messages of persons, and reports on ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from connectors.provider_json import Fields, id_in, recordable, text_in

LONGEST_TEXT = 8192
"""The most characters of a text that are taken: twice what any service carries."""

LONGEST_NAME = 200


class ReportStatus(StrEnum):
    """What became of a message of ours. What a service calls played is READ."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a person. `id` is the same in every delivery of it, and names nobody.

    `address` is where an answer goes to. `kind` is `text`, or the service's own word for anything else; `text` is the
    caption, the title of the chosen button, or the emoji of a reaction then, and None without any. `at` is the
    service's time, `language` an IETF tag, `account` the service's id of our number (WhatsApp).
    """

    id: str
    address: str
    name: str = ""
    kind: str = "text"
    text: str | None = None
    at: datetime | None = None
    language: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class ChatReport:
    """One report on a message of ours: by `reference` and `part`, where it was sent with them, and by `provider_id`.

    `code` and `reason` are those of a failure; the code is named as in a send's verdict (domain/calls/chat.py).
    """

    status: ReportStatus
    provider_id: str
    reference: str | None = None
    part: int | None = None
    code: str | None = None
    reason: str = ""
    at: datetime | None = None
    account: str | None = None


ChatUpdate = ChatMessage | ChatReport


def words_in(fields: Fields, name: str) -> str | None:
    """The text of that name, cut and cleaned to be recorded; None without letters."""
    text = recordable(text_in(fields, name), LONGEST_TEXT)
    return text if text.strip() else None


def seconds_in(fields: Fields, name: str) -> datetime | None:
    """The time of that name in seconds since 1970, as a number or a text; None if unreadable."""
    try:
        return datetime.fromtimestamp(int(id_in(fields, name)), UTC)
    except (ValueError, OverflowError, OSError):
        return None
