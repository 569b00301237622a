"""The permission to send a verification code to a number, decided per number: whoever asks, they share its limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from commands.communication.consent import TooManyCodes
from domain.communication.consent import CODES_PER_HOUR
from domain.communication.number import CodeAllowed, Number
from domain.messages import Command, Event

COOL_DOWN = timedelta(seconds=30)
"""The time between two codes to one number."""


class AllowCode(Command, name="communication.number.allow_code.v1", key="number"):
    """Allow a verification code to the number with this mark. Raises TooManyCodes."""

    number: str
    verification_id: UUID


def allow_code(command: AllowCode, number: Number) -> Sequence[Event]:
    recent = [code for code in number.codes if code > command.at - timedelta(hours=1)]
    if recent and recent[-1] > command.at - COOL_DOWN:
        raise TooManyCodes(
            f"a code was sent to this number less than {COOL_DOWN.seconds} seconds ago; try again in a moment"
        )
    if len(recent) >= CODES_PER_HOUR:
        raise TooManyCodes(f"{CODES_PER_HOUR} codes were sent to this number within the hour; try again later")
    return [CodeAllowed(at=command.at, number=command.number, verification_id=command.verification_id)]
