"""The record of a provider's report on an unknown message."""

from __future__ import annotations

from collections.abc import Sequence

from domain.communication.receipt import Receipts, ReceiptUnmatched
from domain.messages import Command, Event


class RecordUnmatchedReceipt(Command, name="communication.receipt.record_unmatched.v1", key="provider_id"):
    """Record the report, once per word. `provider_id` is the provider's id of the message."""

    provider: str
    provider_id: str
    word: str


def record_unmatched(command: RecordUnmatchedReceipt, receipts: Receipts) -> Sequence[Event]:
    if command.word in receipts.words:
        return []
    about = {"provider": command.provider, "provider_id": command.provider_id, "word": command.word}
    return [ReceiptUnmatched(at=command.at, **about)]
