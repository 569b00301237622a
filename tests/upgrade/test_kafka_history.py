"""A history on Kafka that an earlier revision wrote: PostgreSQL is made anew from it, and it is gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.databases import fresh_database
from tests.streams.kafka.broker import Kafka
from tests.upgrade import kafka_records
from tests.upgrade.exchanges import KEY, Asking, Exchange, differences
from tests.upgrade.installation import Installation, digest, heads, problems, wait
from tests.upgrade.packing import DATA, EMBEDDED, KAFKA, known

pytestmark = pytest.mark.faults
API = "/communication/api/communication"
ROLES = ("projector", "processor", "api")
RECORDS = "select context, partition, sequence, command_id::text from headwater.journal"
BLANKED = "communication_consents"
"""The read model of which more columns are personal today: `test_upgrade` looks into it."""

RETIRED: frozenset[str] = frozenset({"communication_outlets", "communication_outlets_told"})
"""Read models that the recorded installation had and no code lists any more."""


@dataclass
class Rebuilt:
    """The installation made anew from its records, nothing of it running yet, and what is known of it."""

    installation: Installation
    known: dict[str, Any]
    said: str

    @property
    def writes(self) -> list[Exchange]:
        return [Exchange(**one) for one in self.known["writes"]]

    @property
    def undecided(self) -> list[Exchange]:
        return [self.writes[number] for number, _ in self.known["kept"]["undecided"]]

    @property
    def decided(self) -> list[Exchange]:
        return [one for one in self.writes if one not in self.undecided]


@pytest.fixture(scope="module")
def rebuilt(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rebuilt]:
    """Its records put back under a prefix of their own, its keys restored, its database made anew."""
    found, data = known(KAFKA), tmp_path_factory.mktemp("recorded") / "data"
    data.mkdir()
    for name, secret in found["secrets"].items():
        (data / name).write_text(f"{secret}\n")
    with a_database() as dsn:
        given = {**found["settings"], "HEADWATER_KAFKA": kafka.bootstrap, "HEADWATER_PREFIX": f"upgrade-{uuid4().hex}",
                 "HEADWATER_REPLICAS": "1", "HEADWATER_MIN_INSYNC": "1", "HEADWATER_POSTGRES": dsn}  # fmt: skip
        installation = Installation(data, given)
        installation.says("topics", "create")
        records = kafka_records.read(DATA / f"{KAFKA}.jsonl.xz")
        kafka_records.put_back(kafka.bootstrap, given["HEADWATER_PREFIX"], records)
        installation.says("keys", "restore", str(DATA / f"{KAFKA}.keys"))
        yield Rebuilt(installation, found, installation.says("journal", "rebuild"))


@pytest.fixture(scope="module")
def asking(rebuilt: Rebuilt) -> Iterator[Asking]:
    """Its processes run, but for the worker, which would call those who were called before."""
    for role in ROLES:
        rebuilt.installation.start(role)
    try:
        rebuilt.installation.await_ready("api")
        with rebuilt.installation.client() as client:
            yield Asking(client, rebuilt.known["tokens"])
    finally:
        rebuilt.installation.stop()


@contextmanager
def a_database() -> Iterator[str]:
    yield from fresh_database()


def test_its_partitions_end_where_they_did(rebuilt: Rebuilt) -> None:
    """A product that came later has partitions without records."""
    assert "missing" not in rebuilt.said
    known = rebuilt.known["heads"]
    ends = {place: end for place, end in heads(rebuilt.installation).items() if place in known or end[0]}
    assert ends == known


def test_its_history_verifies_and_folds(rebuilt: Rebuilt) -> None:
    assert "whole" in rebuilt.installation.says("audit", "verify")
    assert rebuilt.installation.run("audit", "replay").code == 0


def test_its_outcomes_have_the_same_problems(rebuilt: Rebuilt) -> None:
    assert problems(rebuilt.installation) == rebuilt.known["problems"]
    assert "UnreadableCommand" in rebuilt.known["problems"]


def test_its_read_models_hold_the_same_rows(rebuilt: Rebuilt) -> None:
    models = {n: model for n, model in rebuilt.known["read_models"].items() if n not in RETIRED and n != BLANKED}
    assert {name: digest(rebuilt.installation, name, model["columns"]) for name, model in models.items()} == {
        name: model["digest"] for name, model in models.items()
    }


def test_commands_that_nobody_had_decided_are_decided_and_no_other_is_once_more(
    rebuilt: Rebuilt, asking: Asking
) -> None:
    """The group's offsets are gone: the processor reads every command there ever was."""
    paths = [path for _, path in rebuilt.known["kept"]["undecided"]]
    for path in paths:
        wait(partial(is_there, asking, path), f"{path} is not decided")
    assert [asking.again(one).status_code for one in rebuilt.undecided] == [200] * len(paths)
    before, since = commands(rebuilt)
    assert before & since == set()
    assert {path.rpartition("/")[2] for path in paths} <= since


def is_there(asking: Asking, path: str) -> bool:
    return asking.ask("ana", "GET", path, None, {}).status_code == 200


def commands(rebuilt: Rebuilt) -> tuple[set[str], set[str]]:
    """The ids of the commands behind the recorded part of the log, and behind what has come since."""
    before, since = set[str](), set[str]()
    for context, partition, sequence, command_id in rebuilt.installation.rows(RECORDS):
        (end, _) = rebuilt.known["heads"][f"{context}/{partition}"]
        (before if sequence <= end else since).add(command_id)
    return before, since


def test_every_read_is_answered_as_before(rebuilt: Rebuilt, asking: Asking) -> None:
    assert differences(asking, [Exchange(**one) for one in rebuilt.known["reads"]]) == []


def test_every_write_repeated_is_answered_as_before(rebuilt: Rebuilt, asking: Asking) -> None:
    assert differences(asking, rebuilt.decided) == []


def test_every_write_of_before_the_move_is_answered_as_before(asking: Asking) -> None:
    moved = [Exchange(**one) for one in known(EMBEDDED)["writes"]]
    assert differences(asking, [one for one in moved if one.keyed and one.position]) == []


def test_another_body_under_a_used_key_is_a_conflict(rebuilt: Rebuilt, asking: Asking) -> None:
    changed = [one for one in rebuilt.writes if one.keyed and one.body is not None]
    assert {asking.ask(one.by, one.method, one.path, f"{one.body} ", one.headers).status_code for one in changed} == {
        409
    }


def test_it_takes_new_commands_onto_the_same_chain(rebuilt: Rebuilt, asking: Asking) -> None:
    body = '{"user_id": 202, "email": "new202@example.com"}'
    assert asking.ask("ana", "POST", f"{API}/consent/email", body, {KEY: "a new key"}).status_code == 200
    cancelled = asking.ask("ana", "POST", f"{API}/cancel/{rebuilt.known['kept']['scheduled']}", None, {})
    assert cancelled.status_code == 200, cancelled.text
    status = rebuilt.installation.run("status")
    missing = [line for line in status.out.splitlines() if line.startswith("no ")]
    assert (status.code, missing) == (3, ["no worker serves: start one (headwater worker)"])
    assert "whole" in rebuilt.installation.says("audit", "verify")
