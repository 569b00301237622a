"""What follows from an entry: its author is thanked by a text message; and webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from commands.guestbook.entry import RecordThanks
from domain.guestbook.entry import EntrySigned

from commands import webhooks
from domain.calls.sms import Sms
from streams.core.envelope import Recorded
from streams.core.wiring import Call, Reaction

THANKS = "Thank you for signing our guest book."


def react(event: Recorded[Any]) -> Iterator[Reaction]:
    match event.fact:
        case EntrySigned() as signed:
            reply = RecordThanks(at=signed.at, entry_id=signed.entry_id, author=signed.author)
            yield Call(_thanks(signed), reply, f"thanks/{signed.entry_id}")
        case _:
            yield from webhooks.react(event)


def _thanks(signed: EntrySigned) -> Sms:
    return Sms(
        context="guestbook",
        recipient_id=signed.author,
        reference=str(signed.entry_id),
        to=signed.phone_number,
        body=THANKS,
    )
