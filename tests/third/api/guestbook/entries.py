"""Entries: signed, and read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from commands.guestbook.entry import SignEntry
from fastapi import APIRouter
from projections.guestbook.entries import latest
from pydantic import BaseModel, Field

from api.auth import Caller
from api.routing import LeanRoute
from api.surface import Act, Read, may

router = APIRouter(route_class=LeanRoute, prefix="/api/entries", tags=["Entries"])
MOST = 100


class EntryBody(BaseModel):
    text: str = Field(min_length=1)
    phone_number: str


class SignedAnswer(BaseModel):
    entry_id: UUID


class EntryAnswer(BaseModel):
    entry_id: UUID
    author: str
    text: str
    thanked: bool | None
    at: datetime


class EntriesAnswer(BaseModel):
    entries: list[EntryAnswer]


@router.post("")
async def sign(body: EntryBody, caller: Annotated[Caller, may("guestbook:sign")], act: Act) -> SignedAnswer:
    """Sign the guest book."""
    entry_id = act.new_id("entry")
    command = SignEntry(
        at=act.at, entry_id=entry_id, author=caller.subject, text=body.text, phone_number=body.phone_number
    )
    await act.submit(command)
    return SignedAnswer(entry_id=entry_id)


@router.get("")
async def entries(caller: Annotated[Caller, may("guestbook:read")], reads: Read) -> EntriesAnswer:
    """The latest entries, the newest first."""
    async with reads.connection() as connection:
        return EntriesAnswer(entries=[EntryAnswer(**row._asdict()) for row in await latest(connection, MOST)])
