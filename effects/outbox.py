"""The removal of an erased person's messages from the sandbox's outbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

from connectors.sandbox import forget
from domain.calls.outbox import ForgetMessages
from streams.core.calls import Accepted, Deferred, Verdict

REMOVAL_SECONDS = 300.0
"""Seconds until the removal of files is retried."""


class OutboxRemoval:
    """Removes the person's messages, also with a provider configured: the outbox may be older than the provider."""

    provider = "sandbox"
    idempotent = True

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox

    async def __call__(self, effect: ForgetMessages, key: str) -> Verdict:
        try:
            await asyncio.to_thread(forget, self._outbox, effect.erased)
        except OSError as error:
            return Deferred("outbox", f"a file could not be removed: {error.strerror}", REMOVAL_SECONDS)
        return Accepted(effect.erased)

    async def close(self) -> None:
        """Close nothing: this performer holds no connection."""
