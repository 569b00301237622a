"""What all e-mail connectors share: addresses as they go out, verdicts, and the cleaning of providers' sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import idna

from domain.calls.email import Email
from streams.core.calls import Rejected, Verdict

ERASED = Rejected("erased", "the recipient's data was erased before the e-mail went out")

INVALID = Rejected("invalid_message", "an address or a header of the e-mail cannot be written")

NOT_CARRIED = Rejected("mailbox_not_carried", "the provider carries no mailbox with letters beyond ASCII before the @")
"""For a mailbox that only servers with SMTPUTF8 (RFC 6531) know."""

FILES_MISSING = Rejected("attachments_missing", "the files of the e-mail have not been loaded")
"""For an e-mail with attachments that is handed over without their bytes."""

_LONGEST = 500
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'`]+@[^\s<>()\[\],;:\"'`]+")


class EmailFile(NamedTuple):
    """An attachment with its bytes."""

    name: str
    media_type: str
    content: bytes


class EmailConnector(Protocol):
    """A connector of e-mails (`streams.core.calls.Connector`) that takes the attachments' bytes beside the effect."""

    provider: str
    idempotent: bool

    async def __call__(self, effect: Email, key: str, files: Sequence[EmailFile] = ()) -> Verdict: ...

    async def close(self) -> None: ...


def unsendable(effect: Email, files: Sequence[EmailFile]) -> Rejected | None:
    """The rejection of an e-mail whose person is erased, or whose files are not there."""
    if effect.to is None or effect.subject_line is None or (effect.html is None and effect.text is None):
        return ERASED
    return None if len(files) == len(effect.attachments) else FILES_MISSING


def without_addresses(text: str) -> str:
    """A provider's sentence for logs and events: short, printable, and without e-mail addresses."""
    printable = "".join(character if character.isprintable() else " " for character in text[: 4 * _LONGEST])
    return _ADDRESS.sub("[address]", printable)[:_LONGEST]


def wire_address(address: str) -> str:
    """The address with its domain as A-labels (RFC 5890), whatever was typed. Raises ValueError for no such domain."""
    mailbox, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    return f"{mailbox}{at}{idna.encode(domain, uts46=True).decode()}"


def needs_utf8(address: str) -> bool:
    """Whether the mailbox has letters beyond ASCII before the @: no other form of it exists."""
    return not address.rpartition("@")[0].isascii()
