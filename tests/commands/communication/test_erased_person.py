"""Commands about an erased person: decided without free texts, refused where they mean nothing without a value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from commands.communication.attempt import RecordAttempt
from commands.communication.consent import GrantEmailConsent
from commands.communication.delivery import RecordAction, RecordReceipt
from commands.communication.message import RequestMessage
from commands.communication.opt_out import OptOut, RevokeConsent
from commands.communication.receipt_kinds import ReceiptKind
from commands.communication.wiring import COMMUNICATION
from domain.communication.budget import BudgetUsage
from domain.communication.consent import AddressSuppressed, ConsentRevoked, OptedOut
from domain.communication.delivery import ActionTaken, MessageRejected, MessageUndelivered
from domain.communication.kinds import Channel, Priority, TriggerType, Wish
from domain.messages import Attempt, Command, Event, Reply, Result
from streams.core.clock import ManualClock
from streams.core.envelope import Decided, Status
from streams.core.wiring import EraseSubject
from streams.testing import MemoryRuntime

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
MESSAGE = UUID(int=7)
WORDS = "550 5.1.1 Ada Lovelace <ada@example.com> is unknown here"
ATTEMPT = Attempt(result=Result.REJECTED, number=1, provider="smtp", code="5.9.9", reason=WORDS)
OF_MESSAGE: dict[str, Any] = {"at": AT, "message_id": MESSAGE, "user_id": 1}


@pytest.fixture
def runtime() -> MemoryRuntime:
    """A person with consent to mail, and a message to them on its way."""
    made = MemoryRuntime([COMMUNICATION], ManualClock(AT))
    do(made, GrantEmailConsent(at=AT, user_id=1, address="ada@example.com", source="web_form", text="yes, please"))
    do(
        made,
        RequestMessage(
            **OF_MESSAGE,
            trigger_type=TriggerType.WEEKLY_CHECKIN,
            data={"name": "Ada"},
            wish=Wish.EMAIL,
            priority=Priority.CRITICAL,
            usage=BudgetUsage(day=AT.date()),
        ),
    )
    return made


def do(runtime: MemoryRuntime, command: Command) -> tuple[Event, ...]:
    outcome = runtime.do(command, "communication")
    assert outcome.status is Status.ACCEPTED, outcome
    return outcome.events


def erase(runtime: MemoryRuntime) -> None:
    do(runtime, EraseSubject(at=AT, partition_key="1", erased="communication:1"))


def rejected() -> Reply:
    return RecordAttempt(**OF_MESSAGE, channel=Channel.EMAIL).answered(ATTEMPT, AT)


def rejected_formerly() -> RecordAttempt:
    """The same as an earlier release has sent it."""
    return RecordAttempt(**OF_MESSAGE, channel=Channel.EMAIL, attempt=ATTEMPT)


def report(kind: ReceiptKind = ReceiptKind.UNDELIVERED, code: str = "5.9.9") -> RecordReceipt:
    about: dict[str, Any] = {"channel": Channel.EMAIL, "provider": "resend", "provider_id": "r1", "word": "bounced"}
    return RecordReceipt(**OF_MESSAGE, **about, kind=kind, code=code, reason=WORDS)


COMMANDS = {
    "an answer": (rejected(), MessageRejected, "reason"),
    "a report": (report(), MessageUndelivered, "reason"),
    "an action": (RecordAction(**OF_MESSAGE, action=WORDS), ActionTaken, "action"),
    "an opt-out": (OptOut(at=AT, user_id=1, reason=WORDS), OptedOut, "reason"),
    "a revocation": (RevokeConsent(at=AT, user_id=1, channel=Channel.EMAIL, reason=WORDS), ConsentRevoked, "reason"),
}
each = pytest.mark.parametrize(("command", "event", "field"), COMMANDS.values(), ids=COMMANDS)


@each
def test_the_words_are_recorded_sealed(
    runtime: MemoryRuntime, command: Command, event: type[Event], field: str
) -> None:
    told = next(one for one in do(runtime, command) if isinstance(one, event))
    assert getattr(told, field) == WORDS
    assert not any(b"Lovelace" in one.record.data for one in runtime.journal)


@each
def test_about_an_erased_person_the_fact_is_recorded_without_the_words(
    runtime: MemoryRuntime, command: Command, event: type[Event], field: str
) -> None:
    erase(runtime)
    told = next(one for one in do(runtime, command) if isinstance(one, event))
    assert not getattr(told, field)
    assert not any(b"Lovelace" in one.record.data for one in runtime.journal)
    assert "Lovelace" not in str([one.fact for one in runtime.journal])


def test_an_answer_that_an_earlier_release_has_sent_is_sealed_or_loses_its_words(runtime: MemoryRuntime) -> None:
    erase(runtime)
    do(runtime, rejected_formerly())
    assert not any(b"Lovelace" in one.record.data for one in runtime.journal)
    assert "Lovelace" not in str([one.fact for one in runtime.journal])


def test_the_outcome_of_such_an_answer_holds_it_sealed(runtime: MemoryRuntime) -> None:
    do(runtime, rejected_formerly())
    (decided,) = [one.fact for one in runtime.journal[-1:] if isinstance(one.fact, Decided)]
    assert decided.body is None
    assert decided.sealed is not None
    assert not any(b"Lovelace" in one.record.data for one in runtime.journal)


def test_a_command_that_means_nothing_without_its_value_is_refused(runtime: MemoryRuntime) -> None:
    erase(runtime)
    grant = GrantEmailConsent(at=AT, user_id=1, address="ada@example.com", source="web_form")
    outcome = runtime.do(grant, "communication")
    assert outcome.problem is not None
    assert outcome.problem.type == "headwater.subject_was_erased"


def test_a_decision_does_not_quote_the_words_on_a_suppressed_address(runtime: MemoryRuntime) -> None:
    events = do(runtime, report(ReceiptKind.BOUNCED, "5.1.1"))
    assert any(isinstance(one, AddressSuppressed) and one.reason == WORDS for one in events)
    later = RequestMessage(
        at=AT,
        message_id=UUID(int=8),
        user_id=1,
        trigger_type=TriggerType.WEEKLY_CHECKIN,
        data={},
        wish=Wish.EMAIL,
        priority=Priority.CRITICAL,
        usage=BudgetUsage(day=AT.date()),
    )
    refused = runtime.do(later, "communication")
    assert refused.problem is not None
    assert refused.problem.details["reason"] == "suppressed"
    assert "Lovelace" not in refused.problem.model_dump_json()
