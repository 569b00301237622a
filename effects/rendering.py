"""Performers that render an effect for a connector, and performers that check permission first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from domain.messages import Effect
from streams.core.calls import Connector, Deferred, Finding, Listed, Rejected, Verdict, find

Source = TypeVar("Source", bound=Effect)
Target = TypeVar("Target", bound=Effect)
Subject = TypeVar("Subject", bound=Effect, contravariant=True)


class Rendering(Generic[Source, Target]):
    """Renders an effect and performs the result by the provider's connector."""

    def __init__(self, render: Callable[[Source], Target], connector: Connector[Target]) -> None:
        self._render = render
        self._connector = connector
        self.provider = connector.provider
        self.idempotent = connector.idempotent

    async def __call__(self, effect: Source, key: str) -> Verdict:
        return await self._connector(self._render(effect), key)

    async def find(self, effect: Source, since: datetime) -> Finding:
        """Look up what the effect is rendered to."""
        return await find(self._connector, self._render(effect), since)

    async def close(self) -> None:
        await self._connector.close()


class Permission(Protocol[Subject]):
    """Decides whether an effect may still be performed."""

    async def __call__(self, effect: Subject) -> Rejected | None:
        """None for permission, else the rejection. Raises psycopg.Error or psycopg_pool.PoolTimeout."""
        ...

    async def close(self) -> None: ...


class PermissionGuard(Generic[Source]):
    """Checks permission before every attempt: hours may lie between a dispatch and its last retry."""

    def __init__(self, permission: Permission[Source], connector: Connector[Source]) -> None:
        self._permission = permission
        self._connector = connector
        self.provider = connector.provider
        self.idempotent = connector.idempotent

    async def __call__(self, effect: Source, key: str) -> Verdict:
        try:
            refused = await self._permission(effect)
        except (psycopg.Error, PoolTimeout):
            return Deferred("database_away", "whether the recipient still allows it could not be asked")
        return refused or await self._connector(effect, key)

    async def find(self, effect: Source, since: datetime) -> Finding:
        """Look an effect up, whatever is permitted now: it may have gone out before."""
        return await find(self._connector, effect, since)

    async def close(self) -> None:
        await self._permission.close()
        await self._connector.close()


class DeliveryRecords(Protocol[Subject]):
    """What is on record about effects and the provider's ids. Raises psycopg.Error or psycopg_pool.PoolTimeout."""

    async def settled(self, effect: Subject) -> str | None:
        """The provider's id of an effect whose fate a report has told meanwhile."""
        ...

    async def taken(self, provider_ids: Sequence[str]) -> Collection[str]:
        """Those of a provider's ids that are on record, so for other effects than one in doubt."""
        ...

    async def close(self) -> None: ...


class RecordedFirst(Generic[Source]):
    """Looks into our records before and after the provider's list.

    A report may have told the fate of the call, and the same words may have gone to the same person before.
    """

    def __init__(self, records: DeliveryRecords[Source], connector: Connector[Source]) -> None:
        self._records = records
        self._connector = connector
        self.provider = connector.provider
        self.idempotent = connector.idempotent

    async def __call__(self, effect: Source, key: str) -> Verdict:
        return await self._connector(effect, key)

    async def find(self, effect: Source, since: datetime) -> Finding:
        """Look an effect up, without what is on record for others."""
        try:
            settled = await self._records.settled(effect)
            if settled is not None:
                return Listed((settled,))
            finding = await find(self._connector, effect, since)
            if not isinstance(finding, Listed) or not finding.provider_ids:
                return finding
            taken = await self._records.taken(finding.provider_ids)
        except (psycopg.Error, PoolTimeout):
            return Deferred("database_away", "what is on record could not be asked")
        return Listed(tuple(one for one in finding.provider_ids if one not in taken))

    async def close(self) -> None:
        await self._records.close()
        await self._connector.close()
