"""Several messages asked for at once. Each is decided for itself; the batch only says that they were asked together."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.messages import Event


class BatchRequested(Event, name="communication.batch.requested.v1"):
    """`size` is how many messages were asked for, those that cannot be sent included."""

    batch_id: UUID
    size: int


class Batch(BaseModel):
    model_config = ConfigDict(frozen=True)

    size: int = 0


def evolve(_batch: Batch, event: BatchRequested) -> Batch:
    """The batch after the event."""
    return Batch(size=event.size)
