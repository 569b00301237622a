"""Unsubscribe links: each leads to the page of one recipient for one kind of message, and never expires."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from domain.communication.kinds import TriggerType


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """The recipient of a link, and the kind of message that the link is for."""

    user_id: int
    type: TriggerType


class UnsubscribeLinks:
    """Makes and reads signed links. `sign` gives the signature of a text; `public_url` is where recipients reach us."""

    def __init__(self, sign: Callable[[bytes], bytes], public_url: str) -> None:
        self._sign = sign
        self._public_url = public_url.rstrip("/")

    def link(self, user_id: int, type_: TriggerType) -> str:
        """The address of a recipient's page for one kind of message."""
        about = f"{user_id}.{type_.value}"
        return f"{self._public_url}/communication/unsubscribe/{about}.{self._signature(about)}"

    def read(self, token: str) -> Unsubscription | None:
        """The unsubscription that a link's last part stands for; None when its signature does not fit."""
        about, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(about).encode(), signature.encode()):
            return None
        user_id, _, type_ = about.partition(".")
        return Unsubscription(int(user_id), TriggerType(type_))

    def _signature(self, about: str) -> str:
        return self._sign(about.encode()).hex()[:32]
