"""The record of an outcome: the command in it, plain or sealed, or left out where it cannot be kept."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import orjson
import pytest

from domain.messages import Command, Personal
from streams.core.batch import KnownOutcome
from streams.core.envelope import (
    DECIDED_V1,
    GENESIS,
    LARGEST_BYTES,
    Decided,
    Envelope,
    Problem,
    Record,
    Status,
    outcome_stream,
)
from streams.core.gateway import envelop
from streams.core.keys import Keyring, WrappedKey
from streams.core.mapper import Mapper
from streams.core.outcomes import concluded, decode_outcome
from streams.core.wiring import names_of
from tests.contract.runtimes import START, fill, open_jar
from tests.contract.shelf import SHELF

REFUSED = Problem(type="shelf.too_full", sentence="it is full", details={"grams": 900})


class Note(Command, name="shelf.note.v1", key="who", subject="who"):
    who: str = "ada"
    anything: Any


class Confide(Command, name="shelf.confide.v1", key="who", subject="who"):
    who: str = "ada"
    anything: Personal[Any]


@pytest.fixture
def mapper() -> Mapper:
    made = Mapper(names_of([SHELF]), Keyring(os.urandom(32)))
    made.keyring.allow("shelf:ada")
    return made


def conclude(
    mapper: Mapper, command: Command, problem: Problem | None = None, keeps_command: bool = True
) -> tuple[Decided, bytes]:
    status = Status.ACCEPTED if problem is None else Status.REFUSED
    return concluded(mapper, enveloped(command), status, 1, problem, keeps_command)


def enveloped(command: Command) -> Envelope:
    return envelop(command, "shelf", 4, "test", fingerprint="body")


def read(mapper: Mapper, data: bytes) -> Decided:
    return mapper.decode_as(Decided, Decided.name, data, "shelf:ada")


@pytest.mark.parametrize("problem", [None, REFUSED])
@pytest.mark.parametrize("command", [fill(10), fill(10**30), open_jar(note="for my aunt Agatha")])
def test_an_outcome_is_read_back_as_it_was_made(mapper: Mapper, command: Command, problem: Problem | None) -> None:
    made, data = conclude(mapper, command, problem)
    assert read(mapper, data) == made
    assert read(mapper, mapper.encode(made)) == made


def test_a_command_without_personal_fields_is_the_body_and_one_with_them_is_sealed(mapper: Mapper) -> None:
    plain, _ = conclude(mapper, fill(10))
    assert (plain.body, plain.sealed, plain.subject) == (orjson.loads(fill(10).model_dump_json()), None, None)
    wish = open_jar(note="for my aunt Agatha")
    sealed, data = conclude(mapper, wish)
    assert (sealed.body, sealed.sealed, sealed.subject) == (None, orjson.loads(wish.model_dump_json()), "shelf:ada")
    assert b"Agatha" not in data
    assert b"plums" not in data


def test_of_an_erased_person_the_command_is_neither_kept_nor_read(mapper: Mapper) -> None:
    wish = open_jar(note="for my aunt Agatha")
    _, data = conclude(mapper, wish)
    mapper.keyring.learn(WrappedKey("shelf:ada", None))
    assert read(mapper, data).sealed is None
    afterwards, data = conclude(mapper, wish)
    assert (afterwards.sealed, read(mapper, data)) == (None, afterwards)


def test_the_code_is_the_type_of_the_problem(mapper: Mapper) -> None:
    assert [conclude(mapper, fill(1), problem)[0].code for problem in (None, REFUSED)] == ["", "shelf.too_full"]


UNKEPT = [Note(at=START, anything="NUL\0")] + [
    type_(at=START, anything=value) for type_ in (Note, Confide) for value in ("x" * LARGEST_BYTES, "\ud800", object())
]


@pytest.mark.parametrize("command", UNKEPT)
def test_a_command_that_cannot_be_kept_is_left_out_and_the_outcome_recorded(mapper: Mapper, command: Command) -> None:
    made, data = conclude(mapper, command, REFUSED)
    assert (made.body, made.sealed) == (None, None)
    assert len(data) < LARGEST_BYTES
    assert read(mapper, data) == made
    assert (made.command, made.code, made.subject) == (command.name, "shelf.too_full", "shelf:ada")


def test_a_command_that_its_handler_does_not_keep_is_left_out(mapper: Mapper) -> None:
    made, data = conclude(mapper, fill(10), keeps_command=False)
    assert (made.body, read(mapper, data)) == (None, made)


@pytest.mark.parametrize(("problem", "code"), [(None, ""), ({"type": "TooFull", "sentence": "no"}, "TooFull")])
def test_an_outcome_of_the_first_version_answers_as_ever(
    mapper: Mapper, problem: dict[str, str] | None, code: str
) -> None:
    body = {"at": "2026-01-05T09:00:00Z", "command": "shelf.jar.fill.v1", "status": "refused", "events": 0}
    data = orjson.dumps(body | {"fingerprint": "body", "problem": problem, "task": None})
    id_ = uuid4()
    stream = outcome_stream(id_)
    record = Record(
        "shelf", 0, 1, uuid4(), "ada", stream, 1, DECIDED_V1, None, data, id_, None, id_, "test", START, GENESIS
    )
    assert mapper.decode_as(Decided, record.name, record.data, None).code == code
    fingerprint, outcome = decode_outcome(mapper, KnownOutcome(record, ()))
    assert (fingerprint, outcome.status, outcome.command_id) == ("body", Status.REFUSED, id_)
    assert (outcome.problem and outcome.problem.type) == (problem and problem["type"])
