"""A phone number, by its mark: the verification codes that were sent to it, for whomever.

A mark is a hash that only this installation can make, and the number's partition key: codes for one number are decided
one after the other, whichever persons they are for. The number itself is not stored.
"""

from __future__ import annotations

from typing import assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.communication.consent import CODES_PER_HOUR
from domain.messages import Event, Instant


class CodeAllowed(Event, name="communication.number.code_allowed.v1"):
    """A code may go to this number; it counts against the number's limit, sent or not."""

    number: str
    verification_id: UUID


NumberEvent = CodeAllowed


class Number(BaseModel):
    """The times of the latest codes to the number."""

    model_config = ConfigDict(frozen=True)

    codes: tuple[Instant, ...] = ()


def evolve(number: Number, event: NumberEvent) -> Number:
    """The number after the event."""
    match event:
        case CodeAllowed():
            return Number(codes=(*number.codes, event.at)[-CODES_PER_HOUR:])
        case _:
            assert_never(event)
