"""Unsubscribe links. Each leads to the page of one recipient for one message type, and never expires."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from domain.communication.kinds import TriggerType


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """The recipient and the message type of a link."""

    user_id: int
    type: TriggerType


class UnsubscribeLinks:
    """Signed links. `sign` gives the signature of a text; `public_url` is our public address."""

    def __init__(self, sign: Callable[[bytes], bytes], public_url: str) -> None:
        self._sign = sign
        self._public_url = public_url.rstrip("/")

    def link(self, user_id: int, type_: TriggerType) -> str:
        """The address of a recipient's page for one message type."""
        about = f"{user_id}.{type_.value}"
        return f"{self._public_url}/communication/unsubscribe/{about}.{self._signature(about)}"

    def read(self, token: str) -> Unsubscription | None:
        """The unsubscription in a link's last part; None if its signature does not fit."""
        about, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(about).encode(), signature.encode()):
            return None
        user_id, _, type_ = about.partition(".")
        return Unsubscription(int(user_id), TriggerType(type_))

    def _signature(self, about: str) -> str:
        return self._sign(about.encode()).hex()[:32]
