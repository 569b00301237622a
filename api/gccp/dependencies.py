"""The dependencies of this surface's endpoints: the language model, the PDF pool, their limits, waiting requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from api.auth import Verifier
from api.gccp.identity import SupabaseKeys, SupabaseMove
from api.gccp.pdf_health import PdfHealth
from api.streaming.watch import Watch
from api.submission import BackgroundSubmissions
from api.surface import own_of
from connectors.model import LanguageModel
from documents.render.pool import PdfPool
from projections.gccp.progress import heads_of
from streams.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The dependencies of the endpoints. `models` are those that requests may name (any, if empty)."""

    model: LanguageModel
    models: Sequence[str]
    max_tokens: int
    generation_model: str
    generation_max_tokens: int
    pdf: PdfPool
    identity: Verifier
    pdf_health: PdfHealth
    ends: BackgroundSubmissions
    progress: Watch[UUID]
    engine: Engine

    @classmethod
    def of(
        cls,
        engine: Engine,
        *,
        model: LanguageModel,
        models: Sequence[str],
        max_tokens: int,
        generation_model: str,
        generation_max_tokens: int,
        pdf: PdfPool,
        identity: Verifier,
    ) -> Self:
        """The dependencies over an engine."""
        return cls(
            model=model,
            models=models,
            max_tokens=max_tokens,
            generation_model=generation_model,
            generation_max_tokens=generation_max_tokens,
            pdf=pdf,
            identity=identity,
            pdf_health=PdfHealth(pdf, engine.clock.now),
            ends=BackgroundSubmissions(engine.gateway),
            progress=Watch(engine.reads, engine.commits, heads_of),
            engine=engine,
        )

    async def close(self) -> None:
        """Record the ends of all calls, then stop the PDF pool and the model. The engine must still take commands."""
        await self.ends.close()
        await self.progress.close()
        await self.pdf.close()
        await self.model.close()
        if isinstance(self.identity, SupabaseKeys | SupabaseMove):
            await self.identity.close()


def _own(request: Request) -> Dependencies:
    return own_of(request, Dependencies)


Own = Annotated[Dependencies, Depends(_own)]
