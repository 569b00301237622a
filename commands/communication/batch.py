"""The request for a batch of messages."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.communication.batch import Batch, BatchRequested
from domain.messages import Command, Event


class RequestBatch(Command, name="communication.batch.request.v1", key="batch_id"):
    """Record that `size` messages are requested together; their own requests follow.

    Decided before any of them, so that another batch under the same idempotency key has no effect.
    """

    batch_id: UUID
    size: int


def request(command: RequestBatch, _batch: Batch) -> Sequence[Event]:
    return [BatchRequested(at=command.at, batch_id=command.batch_id, size=command.size)]
