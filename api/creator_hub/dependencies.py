"""The dependencies of this surface's endpoints: secrets, tokens, objects, the vault, and what a creator may do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self
from uuid import UUID

from fastapi import Depends
from pydantic import SecretStr
from starlette.requests import Request

from api.auth import Caller, Tokens
from api.counters import Counters
from api.creator_hub.access import AI_INTERACTIONS, VISITOR_LIMITS
from api.limits import InFlight, Limiter
from api.streaming.watch import Watch
from api.submission import BackgroundSubmissions
from api.surface import own_of
from connectors.embeddings import Embeddings
from domain.creator_hub.account import DEFAULT_AI_INTERACTIONS
from domain.creator_hub.kinds import ChannelType
from domain.messages import Command
from projections.creator_hub.queries.conversations import Conversation, conversation_heads
from streams.core.gateway import envelop
from streams.core.secrets import Secrets
from streams.engine import Engine
from streams.postgres.objects import Objects
from streams.postgres.vault import Vault

NAME = "creator_hub"
STREAMS_OF_ADDRESS = 50
"""Open event streams of a widget's visitors that come from one address."""

AN_HOUR = re.compile(r"([1-9][0-9]{0,8})/hour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """The dependencies of the endpoints.

    `access` and `refresh` are the tokens of the two audiences, `access_lifetime` is that of a refreshed session.
    `root` is the address of this surface as providers reach it. `model`: a language model can answer members.
    `conversations` wakes the visitors who follow one.
    """

    engine: Engine
    secrets: Secrets
    objects: Objects
    vault: Vault
    access: Tokens
    refresh: Tokens
    access_lifetime: timedelta
    root: str
    model: bool
    embeddings: Embeddings
    largest_upload: int
    whatsapp_app_secret: SecretStr | None
    notes: BackgroundSubmissions
    visitor_limiter: Limiter
    open_streams: InFlight
    conversations: Watch[Conversation]

    @classmethod
    def of(
        cls,
        engine: Engine,
        counters: Counters,
        secrets: Secrets,
        objects: Objects,
        vault: Vault,
        access: Tokens,
        refresh: Tokens,
        *,
        access_lifetime: timedelta,
        root: str,
        model: bool,
        embeddings: Embeddings,
        largest_upload: int,
        whatsapp_app_secret: SecretStr | None,
    ) -> Self:
        """The dependencies over an engine."""
        return cls(
            engine=engine,
            secrets=secrets,
            objects=objects,
            vault=vault,
            access=access,
            refresh=refresh,
            access_lifetime=access_lifetime,
            root=root,
            model=model,
            embeddings=embeddings,
            largest_upload=largest_upload,
            whatsapp_app_secret=whatsapp_app_secret,
            notes=BackgroundSubmissions(engine.gateway),
            visitor_limiter=Limiter(counters, f"{NAME}_widget", VISITOR_LIMITS),
            open_streams=InFlight({"streams": STREAMS_OF_ADDRESS}),
            conversations=Watch(engine.reads, engine.commits, conversation_heads),
        )

    def note(self, command: Command, caller: Caller) -> None:
        """Record a command behind the answer, which does not depend on it."""
        envelope = envelop(command, NAME, self.engine.partitions, caller.actor)
        self.notes.opened(envelope.command_id)
        self.notes.submit(envelope.command_id, envelope)

    def user_id(self, creator_id: str, type_: ChannelType, address: str) -> str:
        """The id of the member at an address: nobody finds an erased number again by trying all numbers."""
        mark = self.secrets.mac("creator_hub.member", f"{creator_id}\0{type_.value}\0{address}".encode())
        return str(UUID(bytes=mark[:16], version=5))

    async def close(self) -> None:
        await self.notes.close()
        await self.conversations.close()
        await self.embeddings.close()


def ai_interactions_of(caller: Caller) -> int:
    """The AI interactions that a token allows in a clock hour."""
    found = AN_HOUR.fullmatch(caller.limits.get(AI_INTERACTIONS, ""))
    return DEFAULT_AI_INTERACTIONS if found is None else int(found[1])


def _own(request: Request) -> Dependencies:
    return own_of(request, Dependencies)


Own = Annotated[Dependencies, Depends(_own)]
