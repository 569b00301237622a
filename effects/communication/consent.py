"""The check of a recipient's consent before every attempt to send."""

from __future__ import annotations

from commands.communication.effects import NOT_ALLOWED, SendMessage
from domain.communication.kinds import Channel
from projections.communication.queries.consent_check import may_still_go
from streams.core.calls import Rejected
from streams.postgres.reads import Reads


class ConsentCheck:
    """Reads the recipient's consent for one channel from the read models."""

    def __init__(self, dsn: str, channel: Channel) -> None:
        self._reads = Reads(dsn, size=2)
        self._channel = channel

    async def __call__(self, effect: SendMessage) -> Rejected | None:
        await self._reads.open()
        async with self._reads.connection() as connection:
            found = await may_still_go(connection, effect.user_id, self._channel, effect.trigger_type)
        if found.can_send:
            return None
        return Rejected(NOT_ALLOWED, f"the recipient does not allow it any more: {found.reason}")

    async def close(self) -> None:
        await self._reads.close()
