"""What this surface's endpoints share: budgets and what is spent of them, verification codes, unsubscribe links."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from api.surface import surface_of
from domain.communication.budget import Limits, Usage
from domain.communication.kinds import TriggerType
from projections.communication.queries.spending import Spending, spending_on
from streams.postgres.reads import Reads

DESK = "desk"
USAGE_GOOD_FOR = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """Who unsubscribes from what: a link is for one kind of message."""

    user_id: int
    type: TriggerType


class Secrets:
    """What derives from the installation's secret: verification codes and the signatures of unsubscribe links."""

    def __init__(self, secret: bytes, public_url: str) -> None:
        self._secret = secret
        self._public_url = public_url.rstrip("/")

    def code(self, verification_id: UUID) -> str:
        """Six digits, from HMAC-SHA-256 over the verification's id, truncated as in RFC 4226."""
        digest = self._mac(b"code:" + verification_id.bytes)
        offset = digest[-1] & 0x0F
        return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"

    def is_code(self, verification_id: UUID, code: str) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(self.code(verification_id), code)

    def unsubscribe_link(self, user_id: int, type_: TriggerType) -> str:
        """The address of a recipient's own page for one kind of message; it never expires."""
        what = f"{user_id}.{type_.value}"
        return f"{self._public_url}/communication/unsubscribe/{what}.{self._signature(what)}"

    def webhook_secret(self, endpoint_id: str) -> str:
        """What an endpoint's webhooks are signed with, as Standard Webhooks write it; stored nowhere."""
        return f"whsec_{b64encode(self._mac(b'webhook:' + endpoint_id.encode())).decode()}"

    @property
    def salt(self) -> bytes:
        """What phone numbers are hashed with, so that nobody without the secret can try them all out."""
        return self._mac(b"numbers")

    def mark(self, number: str) -> str:
        """What stands for a phone number where the number itself must not stand: hex SHA-256 of salt and number."""
        return sha256(self.salt + number.encode()).hexdigest()

    def unsubscribing(self, token: str) -> Unsubscribing | None:
        """Who a link belongs to; None when its signature does not fit."""
        what, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(what).encode(), signature.encode()):
            return None
        user_id, _, type_ = what.partition(".")
        return Unsubscribing(int(user_id), TriggerType(type_))

    def _signature(self, what: str) -> str:
        return self._mac(b"unsubscribe:" + what.encode()).hex()[:32]

    def _mac(self, message: bytes) -> bytes:
        return hmac.digest(self._secret, message, sha256)


class Desk:
    """See the module. Spending is read at most once a second: the rules take it as known to lag (`RequestMessage`)."""

    def __init__(self, reads: Reads, now: Callable[[], datetime], limits: Limits, secrets: Secrets) -> None:
        self._reads = reads
        self._now = now
        self._spending = Spending(Usage(day=date.min), {})
        self._good_until: datetime | None = None
        self._reading = asyncio.Lock()
        self.limits = limits
        self.secrets = secrets

    async def spending(self) -> Spending:
        """What is spent today and this month (UTC)."""
        if self._stale():
            async with self._reading:
                if self._stale():
                    await self._read_spending()
        return self._spending

    def _stale(self) -> bool:
        now = self._now()
        return self._good_until is None or now >= self._good_until or self._spending.usage.day != now.date()

    async def _read_spending(self) -> None:
        now = self._now()
        async with self._reads.connection() as connection:
            self._spending = await spending_on(connection, now.date())
        self._good_until = now + USAGE_GOOD_FOR


def _desk(request: Request) -> Desk:
    desk: Desk = surface_of(request).extras[DESK]
    return desk


AtDesk: Any = Annotated[Desk, Depends(_desk)]
