"""Performers that render an effect and pass it on, and performers that check consent first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from domain.messages import Effect
from streams.core.calls import Connector, Deferred, Rejected, Verdict

Asked = TypeVar("Asked", bound=Effect)
Rendered = TypeVar("Rendered", bound=Effect)
Checked = TypeVar("Checked", bound=Effect, contravariant=True)


class Rendering(Generic[Asked, Rendered]):
    """Renders an effect and passes it to the provider's connector."""

    def __init__(self, render: Callable[[Asked], Rendered], connector: Connector[Rendered]) -> None:
        self._render = render
        self._connector = connector
        self.provider = connector.provider
        self.idempotent = connector.idempotent

    async def __call__(self, effect: Asked, key: str) -> Verdict:
        return await self._connector(self._render(effect), key)

    async def close(self) -> None:
        await self._connector.close()


class Permission(Protocol[Checked]):
    """Decides whether an effect may still be performed."""

    async def __call__(self, effect: Checked) -> Rejected | None:
        """None if it may. Raises psycopg.Error or psycopg_pool.PoolTimeout."""
        ...

    async def close(self) -> None: ...


class Permitted(Generic[Asked]):
    """Checks permission before every try: hours may lie between a dispatch and its last retry."""

    def __init__(self, permission: Permission[Asked], connector: Connector[Asked]) -> None:
        self._permission = permission
        self._connector = connector
        self.provider = connector.provider
        self.idempotent = connector.idempotent

    async def __call__(self, effect: Asked, key: str) -> Verdict:
        try:
            refused = await self._permission(effect)
        except (psycopg.Error, PoolTimeout):
            return Deferred("database_away", "whether the recipient still allows it could not be asked")
        return refused or await self._connector(effect, key)

    async def close(self) -> None:
        await self._permission.close()
        await self._connector.close()
