"""What every runtime must record of a command: how it was decided, whom it was about, and the command itself."""

from __future__ import annotations

from uuid import uuid4

import orjson
import pytest

from domain.messages import Command
from streams.core.envelope import LARGEST_BYTES, Record, Status, outcome_stream
from tests.contract.runtimes import START, Runtime, do, fill, open_jar
from tests.contract.shelf import BreakJar, JarOrdered, OrderFilling
from tests.contract.test_erasure import erase, lend


async def outcome_record(runtime: Runtime, command: Command) -> Record:
    """What is recorded of the outcome once the command is decided."""
    id_ = uuid4()
    await do(runtime, command, command_id=id_)
    (record,) = [record for record in await runtime.journal() if record.stream == outcome_stream(id_)]
    return record


async def test_an_outcome_holds_its_command(runtime: Runtime) -> None:
    command = fill(10)
    record = await outcome_record(runtime, command)
    assert orjson.loads(record.data)["body"] == orjson.loads(command.model_dump_json())
    assert record.subject is None


async def test_an_outcome_names_the_subject_of_its_command_and_seals_what_is_personal(runtime: Runtime) -> None:
    record = await outcome_record(runtime, lend("bob"))
    outcome = orjson.loads(record.data)
    assert (record.subject, outcome["subject"]) == ("shelf:bob", "shelf:bob")
    assert list(outcome["sealed"]) == ["personal"]
    assert b"Orchard" not in record.data


@pytest.mark.parametrize("command", [fill(1001), BreakJar(at=START, jar="plums", owner="ada")])
async def test_a_command_that_was_not_accepted_is_recorded_with_the_code_of_its_problem(
    runtime: Runtime, command: Command
) -> None:
    outcome = orjson.loads((await outcome_record(runtime, command)).data)
    assert outcome["body"] == orjson.loads(command.model_dump_json())
    assert outcome["code"] == outcome["problem"]["type"]


async def test_after_an_erasure_commands_about_the_person_are_decided_as_ever(runtime: Runtime) -> None:
    await do(runtime, open_jar(note="for my aunt Agatha"))
    await do(runtime, erase("ada", "shelf:ada"))
    outcome = orjson.loads((await outcome_record(runtime, open_jar())).data)
    assert (outcome["status"], outcome["subject"], outcome.get("sealed")) == ("refused", "shelf:ada", None)
    assert (await do(runtime, fill(10))).status is Status.ACCEPTED
    assert (await do(runtime, erase("ada", "shelf:ada"))).status is Status.ACCEPTED


async def test_an_outcome_that_would_be_too_large_for_the_log_is_recorded_without_its_command(runtime: Runtime) -> None:
    """What the command led to is not: it is a little smaller than the command and what else an outcome holds."""
    large = OrderFilling(at=START, jar="plums", owner="ada", grams=1, errand="x" * (LARGEST_BYTES - 100))
    assert len(JarOrdered(**large.model_dump(exclude={"owner"})).model_dump_json()) < LARGEST_BYTES
    record = await outcome_record(runtime, large)
    outcome = orjson.loads(record.data)
    assert (outcome["status"], outcome["events"], outcome.get("body")) == ("accepted", 1, None)
