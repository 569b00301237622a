"""Signed addresses in the mails of campaigns: they say who follows them, without an address of the person in them."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from typing import NamedTuple

Mac = Callable[[str, bytes], bytes]
UNSUBSCRIBE = "content-generator unsubscribe"
OPEN = "content-generator open"
CLICK = "content-generator click"
"""The purposes of tokens: none serves another one."""

SIGNATURE = 16
"""Bytes of a signature; 128 bits are not guessed."""


class LinkedRecipient(NamedTuple):
    """The recipient of a link, by the mark, and the campaign it stood in; of a link in the text, where it leads."""

    mark: str
    campaign_id: str
    url: str = ""


def token_for(mac: Mac, purpose: str, linked: LinkedRecipient) -> str:
    """The token of a recipient's link in a campaign."""
    message = ".".join(linked if linked.url else linked[:2]).encode()
    return urlsafe_b64encode(mac(purpose, message)[:SIGNATURE] + message).decode().rstrip("=")


def recipient_of(mac: Mac, purpose: str, token: str) -> LinkedRecipient | None:
    """The recipient behind a token; None for one that we have not made for this purpose."""
    try:
        decoded = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (Error, ValueError):
        return None
    signature, message = decoded[:SIGNATURE], decoded[SIGNATURE:]
    if not hmac.compare_digest(signature, mac(purpose, message)[:SIGNATURE]):
        return None
    return LinkedRecipient(*message.decode().split(".", 2))


class MailLinks(NamedTuple):
    """The addresses in one recipient's mail; `root` is the surface's public address."""

    mac: Mac
    root: str
    mark: str
    campaign_id: str

    @property
    def unsubscribe(self) -> str:
        """The address for the List-Unsubscribe header."""
        return f"{self.root}/unsubscribe/{self._token(UNSUBSCRIBE)}"

    @property
    def pixel(self) -> str:
        """The address of the picture by which an open is seen."""
        return f"{self.root}/opens/{self._token(OPEN)}"

    def click(self, url: str) -> str:
        """The address that leads to a link of the mail and counts the click."""
        return f"{self.root}/clicks/{self._token(CLICK, url)}"

    def _token(self, purpose: str, url: str = "") -> str:
        return token_for(self.mac, purpose, LinkedRecipient(self.mark, self.campaign_id, url))
