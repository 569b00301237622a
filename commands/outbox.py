"""The removal of an erased person's messages from the sandbox, for every context that sends any."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from domain.calls.outbox import ForgetMessages
from domain.messages import Event, Refused, Reply, Result
from streams.core.wiring import Call, Handler, Nothing, Stream, SubjectErased, fold_nothing


class StillThere(Refused, name="outbox.still_there", formerly=("communication.still_there", "StillThere")):
    """The files could not be removed: an operator must remove them."""


class RecordForgotten(Reply, name="communication.outbox.record_forgotten.v1", key="erased", subject="erased"):
    """Record the result of ForgetMessages. Answers no event; raises StillThere if it failed for good."""

    subject_in_full = True
    erased: str


def record_forgotten(command: RecordForgotten, _state: Nothing) -> Sequence[Event]:
    if command.attempt is not None and command.attempt.result is Result.REJECTED:
        raise StillThere(f"messages to {command.erased} are still in the outbox: {command.attempt.reason}")
    return []


def removal(gone: SubjectErased) -> Call:
    """The removal of this person's messages."""
    return Call(ForgetMessages(erased=gone.erased), RecordForgotten(at=gone.at, erased=gone.erased))


OUTBOX = Stream("outbox", Nothing(), fold_nothing, id_of=attrgetter("erased"))
OUTBOX_HANDLERS = (Handler(RecordForgotten, decide=record_forgotten, writes=OUTBOX),)
