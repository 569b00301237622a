"""The AI allowance of a creator in one clock hour (UTC)."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain.creator_hub.kinds import OfCreator
from domain.messages import Instant


class AllowanceSpent(OfCreator, name="creator_hub.allowance.spent.v1"):
    """One AI interaction of the hour that begins at `hour`, for the reply `reply_id`."""

    hour: Instant
    reply_id: str


class Allowance(BaseModel):
    model_config = ConfigDict(frozen=True)

    spent: int = 0


def evolve(allowance: Allowance, _event: AllowanceSpent) -> Allowance:
    return Allowance(spent=allowance.spent + 1)


def hour_of(at: datetime) -> datetime:
    """The beginning of the clock hour, UTC."""
    return at.replace(minute=0, second=0, microsecond=0)
