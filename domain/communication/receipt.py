"""Providers' reports on unknown messages, kept so that no report is lost."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from domain.messages import Event


class ReceiptUnmatched(Event, name="communication.receipt.unmatched.v1"):
    """`word` is the provider's own word for what happened to `provider_id`."""

    provider: str
    provider_id: str
    word: str


class Receipts(BaseModel):
    """The reports on one unknown id."""

    model_config = ConfigDict(frozen=True)

    words: tuple[str, ...] = ()


def evolve(receipts: Receipts, event: ReceiptUnmatched) -> Receipts:
    """The reports including this one."""
    return receipts if event.word in receipts.words else Receipts(words=(*receipts.words, event.word))
