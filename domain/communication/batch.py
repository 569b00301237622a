"""A batch: several messages requested together. Each is decided on its own; the batch records only that they belong
together.
"""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.messages import Event


class BatchRequested(Event, name="communication.batch.requested.v1"):
    """`size` counts all messages of the request, including those that cannot be sent."""

    batch_id: UUID
    size: int


class Batch(BaseModel):
    model_config = ConfigDict(frozen=True)

    size: int = 0


def evolve(_batch: Batch, event: BatchRequested) -> Batch:
    """The batch after the event."""
    return Batch(size=event.size)
