"""Twilio's list of messages, in which a text is found again whose sending had no answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated

import httpx2
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from connectors.retry_after import retry_after
from streams.core.calls import Deferred, Listed, Unknown

PAGE_SIZE = 50
MOST_PAGES = 20
CLOCK_SKEW = timedelta(minutes=5)
"""How far Twilio's clock may be behind ours."""

TRIAL = "Sent from your Twilio trial account - "
"""What Twilio puts before the texts of a trial account."""

_PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"})
"""Some of the letters that Twilio replaces to save segments (Smart Encoding)."""


class ListedMessage(BaseModel):
    """A message in the list. `date_created` is a date by RFC 2822."""

    sid: str
    direction: str
    body: str | None = None
    date_created: str
    sender: str | None = Field(default=None, validation_alias="from")
    messaging_service_sid: str | None = None

    def made_since(self, since: datetime) -> bool:
        """Whether it is an outgoing one, made at that time or later."""
        try:
            made = parsedate_to_datetime(self.date_created)
        except ValueError:
            return False
        return self.direction.startswith("outbound") and made.replace(tzinfo=made.tzinfo or UTC) >= since

    def sent_by(self, sender: str) -> bool:
        """Whether it is of this number, name or messaging service."""
        return sender in (self.sender, self.messaging_service_sid)


class ListedPage(BaseModel):
    messages: list[ListedMessage]
    next_page_uri: Annotated[str, StringConstraints(pattern=r"^/[^/]")] | None = None
    """A path; never an address of somebody else, who would get our credentials."""


def page_of(response: httpx2.Response) -> ListedPage | Deferred | Unknown:
    """The page in an answer of Twilio's."""
    status = response.status_code
    if status in (408, 429) or response.is_server_error:
        wait = retry_after(response.headers, datetime.now(UTC))
        return Deferred(f"http_{status}", f"Twilio answered {status} for its list of messages", wait)
    try:
        return ListedPage.model_validate_json(response.content if response.is_success else b"")
    except ValidationError:
        return Unknown(f"Twilio answered {status} for its list of messages")


def wanted(body: str) -> str:
    """The words of a text as they are compared: alike where Twilio may have changed letters or spaces."""
    plain = unicodedata.normalize("NFKC", body).translate(_PLAIN)
    return " ".join(plain.split()).removeprefix(TRIAL)


def chosen(found: Sequence[ListedMessage], words: str) -> Listed | Unknown:
    """The messages with these words, the oldest first. Unknown if the words may be among those that Twilio redacted."""
    fitting = [one for one in found if one.body is not None and wanted(one.body) == words]
    if not fitting and any(not one.body for one in found):
        return Unknown("Twilio lists texts without their words, so none can be found again")
    fitting.sort(key=lambda one: parsedate_to_datetime(one.date_created))
    return Listed(tuple(one.sid for one in fitting))
