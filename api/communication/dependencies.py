"""The dependencies of this surface's endpoints: budgets, spending, secrets, links, and signers of reports."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from api.communication.signers import Signers
from api.surface import own_of
from content.communication.links import UnsubscribeLinks
from domain.communication.budget import BudgetUsage, Limits
from projections.communication.queries.expenditure import Spending, spending_on
from streams.core.secrets import Secrets
from streams.engine import Engine

USAGE_GOOD_FOR = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class Dependencies:
    """The dependencies of the endpoints. `limits` are the budgets; `providers` states which providers are configured,
    `carries` whether mail to an address can be sent by the one for e-mail.

    Verification codes go to numbers of `countries` only, or of any country if there are none.

    Spending is cached for a second: the rules allow for its lag (`RequestMessage`).
    """

    engine: Engine
    limits: Limits
    secrets: Secrets
    links: UnsubscribeLinks
    signers: Signers
    providers: dict[str, bool]
    carries: Callable[[str], Awaitable[bool]]
    countries: frozenset[str] = frozenset()
    _spending: Spending = field(default_factory=lambda: Spending(BudgetUsage(day=date.min), {}))
    _good_until: datetime | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def spending(self) -> Spending:
        """The money spent today and this month (UTC)."""
        if self._stale():
            async with self._reading:
                if self._stale():
                    await self._read_spending()
        return self._spending

    def _stale(self) -> bool:
        now = self.engine.clock.now()
        return self._good_until is None or now >= self._good_until or self._spending.usage.day != now.date()

    async def _read_spending(self) -> None:
        now = self.engine.clock.now()
        async with self.engine.reads.connection() as connection:
            self._spending = await spending_on(connection, now.date())
        self._good_until = now + USAGE_GOOD_FOR

    async def close(self) -> None:
        """Close nothing: these dependencies hold no connections."""


def _own(request: Request) -> Dependencies:
    return own_of(request, Dependencies)


Own = Annotated[Dependencies, Depends(_own)]
