"""The health of the PDF renderer: a small PDF is rendered, and the result cached."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from documents.errors import DocumentError, RendererBusy
from documents.render.pool import PdfPool
from documents.render.request import DocumentRequest

GOOD_FOR_SECONDS = 30.0


class PdfHealth:
    """A cached probe. Its endpoint is public, so one probe runs at a time, and none while the last result is fresh."""

    def __init__(self, pool: PdfPool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now
        self._probing = asyncio.Lock()
        self._probed_at: float | None = None
        self._healthy = False

    async def healthy(self) -> bool:
        async with self._probing:
            if self._probed_at is None or monotonic() - self._probed_at > GOOD_FOR_SECONDS:
                self._healthy = await self._probe()
                self._probed_at = monotonic()
        return self._healthy

    async def _probe(self) -> bool:
        try:
            return (await self._pool.render(DocumentRequest("# Well", self._now()))).pdf.startswith(b"%PDF-")
        except RendererBusy:
            return True
        except DocumentError:
            return False
