"""Unsubscribe links of campaigns: signed, and without an address in them."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from typing import NamedTuple

Mac = Callable[[str, bytes], bytes]
PURPOSE = "content-generator unsubscribe"
SIGNATURE = 16
"""Bytes of a signature; 128 bits are not guessed."""


class LinkedRecipient(NamedTuple):
    """The recipient of a link, by the mark, and the campaign that it stood in."""

    mark: str
    campaign_id: str


def token_for(mac: Mac, mark: str, campaign_id: str) -> str:
    """The token of a recipient's link in a campaign."""
    message = f"{mark}.{campaign_id}".encode()
    return urlsafe_b64encode(mac(PURPOSE, message)[:SIGNATURE] + message).decode().rstrip("=")


def recipient_of(mac: Mac, token: str) -> LinkedRecipient | None:
    """The recipient behind a token; None for one that we have not made."""
    try:
        decoded = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (Error, ValueError):
        return None
    signature, message = decoded[:SIGNATURE], decoded[SIGNATURE:]
    if not hmac.compare_digest(signature, mac(PURPOSE, message)[:SIGNATURE]):
        return None
    mark, _, campaign_id = message.decode().partition(".")
    return LinkedRecipient(mark, campaign_id)


def unsubscribe_address(mac: Mac, root: str, mark: str, campaign_id: str) -> str:
    """The address for the List-Unsubscribe header; `root` is the surface's public address."""
    return f"{root}/unsubscribe/{token_for(mac, mark, campaign_id)}"
