"""Performers that render an effect for a connector, and performers that check permission first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from domain.messages import Effect
from streams.core.calls import Connector, Deferred, Rejected, Verdict

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

    async def close(self) -> None:
        await self._permission.close()
        await self._connector.close()
