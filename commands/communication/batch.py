"""Asking for several messages at once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain.communication.batch import Batch, BatchRequested
from domain.messages import Command, Event


class RequestBatch(Command, name="communication.batch.request.v1", key="batch_id"):
    """Put on record that `size` messages are asked for together; the requests themselves follow.

    Decided before any of them, so that another batch under the same idempotency key goes nowhere.
    """

    batch_id: UUID
    size: int


def request(command: RequestBatch, _batch: Batch) -> Sequence[Event]:
    return [BatchRequested(at=command.at, batch_id=command.batch_id, size=command.size)]
