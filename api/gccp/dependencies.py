"""What this surface's endpoints share: the language model, the renderer, the limits of both, and who is waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from api.auth import Verifier
from api.gccp.identity import SupabaseKeys
from api.gccp.ledger import Ledger
from api.gccp.pdf_health import PdfHealth
from api.streaming.watch import Following
from api.surface import surface_of
from connectors.model import LanguageModel
from documents.confined.pool import PdfPool

DESK = "desk"


@dataclass(frozen=True, slots=True)
class Desk:
    """`models` are those that requests may name (any, if empty). `close` ends what the surface itself began."""

    model: LanguageModel
    models: Sequence[str]
    max_tokens: int
    generation_model: str
    generation_max_tokens: int
    pdf: PdfPool
    pdf_health: PdfHealth
    ledger: Ledger
    following: Following
    identity: Verifier
    now: Callable[[], datetime]

    async def close(self) -> None:
        """Waits until the ends of all calls are on record, and ends the renderer; the log must still be up."""
        await self.ledger.close()
        await self.following.close()
        await self.pdf.close()
        if isinstance(self.identity, SupabaseKeys):
            await self.identity.close()


def _desk(request: Request) -> Desk:
    desk: Desk = surface_of(request).extras[DESK]
    return desk


AtDesk: Any = Annotated[Desk, Depends(_desk)]
