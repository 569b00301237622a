"""The check of a recipient's consent before every attempt to send."""

from __future__ import annotations

from collections.abc import Callable

from psycopg import AsyncConnection

from commands.communication.effects import NOT_ALLOWED, SendMessage
from domain.communication.addresses import canonical
from domain.communication.kinds import Channel
from projections.communication.dead_mailboxes import is_dead
from projections.communication.queries.consent_check import may_still_go
from streams.core.calls import Rejected
from streams.core.read_models import Row
from streams.postgres.reads import Reads


class ConsentCheck:
    """Reads the recipient's consent for one channel from the read models, and whether the mailbox is known as dead.

    A dead mailbox is refused here as well, as a person may have given it while the report was being recorded.
    """

    def __init__(self, dsn: str, channel: Channel, mark: Callable[[str], str]) -> None:
        self._reads = Reads(dsn, size=2)
        self._channel = channel
        self._mark = mark

    async def __call__(self, effect: SendMessage) -> Rejected | None:
        await self._reads.open()
        async with self._reads.connection() as connection:
            found = await may_still_go(connection, effect.user_id, self._channel, effect.trigger_type)
            dead = await self._goes_nowhere(connection, effect)
        if found.can_send and not dead:
            return None
        reason = found.reason if not found.can_send else "suppressed"
        return Rejected(NOT_ALLOWED, f"the recipient does not allow it any more: {reason}")

    async def _goes_nowhere(self, connection: AsyncConnection[Row], effect: SendMessage) -> bool:
        if self._channel is Channel.SMS or effect.to is None:
            return False
        return await is_dead(connection, self._mark(canonical(self._channel, effect.to)))

    async def close(self) -> None:
        await self._reads.close()
