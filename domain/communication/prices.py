"""The price of a message."""

from __future__ import annotations

from domain.communication.kinds import Channel
from domain.money import Microcents

SMS_SEGMENT: Microcents = 5_000_000
"""0.05 dollars for each segment of a text message."""

EMAIL: Microcents = 100_000
"""0.001 dollars for an e-mail."""


def price(channel: Channel, segments: int) -> Microcents:
    """The price of one dispatch; `segments` are those of its text message."""
    return SMS_SEGMENT * segments if channel is Channel.SMS else EMAIL
