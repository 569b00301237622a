"""Tasks as rows: what an outcome makes of the task that its command was to end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
import pytest

from domain.messages import Attempt, Result
from streams.core.envelope import DECIDED_V1, GENESIS, Decided, Problem, Record, Recorded, Status, TaskEnd
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.read_models import Change, Delete, Set
from streams.core.wiring import names_of
from streams.postgres.tasks import reactions
from tests.contract.runtimes import START
from tests.contract.shelf import SHELF, EmptyJar, RecordSupply

TASK = UUID(int=1)
ANSWER = RecordSupply(
    at=START, jar="plums", owner="ada", attempt=Attempt(result=Result.ACCEPTED, number=1, provider_id="x")
)


def changes(status: Status, name: str = Decided.name, **fields: Any) -> list[Change]:
    """The changes of task rows that follow from an outcome."""
    decided = Decided(at=START, status=status, task=TaskEnd(id=TASK), **({"command": ANSWER.name} | fields))
    id_ = UUID(int=2)
    record = Record("shelf", 0, 1, id_, "ada", "s", 1, name, None, b"", id_, None, id_, "test", START, GENESIS)
    return list(reactions(SHELF, Mapper(names_of([SHELF]), Keyring(bytes(32)))).project(Recorded(decided, record)))


@pytest.mark.parametrize("status", [Status.ACCEPTED, Status.UNCHANGED, Status.REFUSED])
def test_an_outcome_ends_its_task_a_refusal_too(status: Status) -> None:
    assert changes(status) == [Delete((TASK,))]


def test_a_failed_answer_is_kept_in_the_task() -> None:
    (change,) = changes(Status.FAILED, body=ANSWER.model_dump(mode="json"))
    assert isinstance(change, Set)
    assert change.key == (TASK,)
    assert change.columns["answered"] is True
    assert RecordSupply.model_validate_json(orjson.dumps(change.columns["reply_body"])) == ANSWER


def test_a_failed_outcome_without_an_answer_that_can_be_read_changes_nothing() -> None:
    timer = EmptyJar(at=START, jar="plums", owner="ada")
    assert changes(Status.FAILED) == []
    assert changes(Status.FAILED, command=timer.name, body=timer.model_dump(mode="json")) == []
    assert changes(Status.FAILED, command="shelf.unheard_of.v1", body={"at": 1}) == []
    assert changes(Status.FAILED, body=ANSWER.model_dump(mode="json") | {"attempt": None}) == []


def test_a_failed_outcome_of_an_older_release_ends_its_task_as_it_did_then() -> None:
    problem = Problem(type="headwater.internal_error", sentence="the command could not be decided")
    assert changes(Status.FAILED, DECIDED_V1, problem=problem) == [Delete((TASK,))]
