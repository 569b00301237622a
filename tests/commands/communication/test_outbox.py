"""An erased person's messages leave the sandbox."""

from __future__ import annotations

import pytest

from commands.outbox import RecordForgotten
from domain.calls.outbox import ForgetMessages
from streams.core.calls import Accepted, Deferred, Verdict
from streams.core.envelope import Decided, Status
from streams.core.wiring import EraseSubject
from tests.commands.communication.people import ADA, DAY, NOW
from tests.commands.communication.world import World

ERASE = EraseSubject(at=NOW, partition_key=str(ADA), erased=f"communication:{ADA}")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Accepted("communication:7"), Status.UNCHANGED),
        (Deferred("outbox", "read-only", 300.0), Status.REFUSED),
    ],
)
def test_the_sandbox_is_told_to_forget_until_it_has_or_it_is_said_that_it_did_not(
    verdict: Verdict, status: Status
) -> None:
    world = World()
    world.agree()
    world.run()
    world.sent.clear()
    world.provider = lambda effect, key: verdict
    world.do(ERASE)
    world.run(DAY)
    assert world.sent == [ForgetMessages(erased="communication:7")] * (8 if status is Status.REFUSED else 1)
    outcomes = [fact for fact in world.facts() if isinstance(fact, Decided) and fact.command == RecordForgotten.name]
    assert outcomes[-1].status is status
