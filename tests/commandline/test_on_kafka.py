"""The `headwater` command on an installation on Kafka: moved there, rebuilt from there, and refusing wrong topics."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import psycopg
import pytest

import bootstrap
from streams.core.keys import Keyring
from streams.kafka.settings import Cluster
from streams.kafka.supervisor import WRONG_SETUP_EXIT
from streams.postgres.database import connect_plain
from streams.postgres.installation import prepare
from tests.databases import fresh_database
from tests.faults.product import CLI, Product
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.runtime import ROOT, change, new_cluster

pytestmark = pytest.mark.faults
API = "/communication/api/communication"
ADDRESSES = {123: "ada@example.com", 124: "bob@example.com"}
RECIPIENTS = "select user_id, email from read_models.communication_recipients order by 1"


class Installation(NamedTuple):
    """One that was moved to Kafka, its database, and a backup of its keys."""

    cluster: Cluster
    environment: dict[str, str]
    dsn: str
    keys: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A `headwater` command, to its end."""
        given = os.environ | self.environment | environment
        return subprocess.run([*CLI, *arguments], env=given, capture_output=True, text=True, check=False, timeout=60)

    def says(self, *arguments: str, **environment: str) -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout


def environment(cluster: Cluster, data: Path) -> dict[str, str]:
    return {
        "HEADWATER_DATA": str(data),
        "HEADWATER_KAFKA": cluster.bootstrap,
        "HEADWATER_PREFIX": cluster.prefix,
        "HEADWATER_REPLICAS": "1",
        "HEADWATER_MIN_INSYNC": "1",
        "HEADWATER_LOG_LEVEL": "warning",
    }


@pytest.fixture(scope="module")
def moved(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An embedded installation that recorded two persons' addresses, moved to Kafka."""
    data = tmp_path_factory.mktemp("moved") / "data"
    with anew() as dsn:
        product = Product(data, HEADWATER_POSTGRES=dsn)
        product.start()
        record(product)
        assert product.stop() == 0
        cluster = new_cluster(kafka)
        one = Installation(cluster, environment(cluster, data), dsn, data.parent / "keys")
        given = {"HEADWATER_POSTGRES": dsn}
        assert "2 keys" in one.says("keys", "backup", str(one.keys), **given)
        assert "in Kafka and verified" in one.says("move", "--to-kafka", cluster.bootstrap, **given)
        yield one


@contextmanager
def anew() -> Iterator[str]:
    """A database with nothing in it."""
    yield from fresh_database()


def record(product: Product) -> None:
    headers = {"Authorization": f"Bearer {product.token()}"}
    with httpx2.Client(base_url=product.url + API, headers=headers, timeout=60) as client:
        for user_id, email in ADDRESSES.items():
            assert client.post("/consent/email", json={"user_id": user_id, "email": email}).status_code == 200


def fetched(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


def test_the_steps_that_a_move_prints_bring_a_fresh_database_to_where_the_old_one_was(
    kafka: Kafka, tmp_path: Path
) -> None:
    product = Product(tmp_path / "data")
    product.start()
    record(product)
    assert product.stop() == 0
    cluster = new_cluster(kafka)
    one = Installation(cluster, environment(cluster, product.data), "", tmp_path / "keys")
    printed = one.says("move", "--to-kafka", cluster.bootstrap).splitlines()
    *steps, roles = (line.strip() for line in printed if line.startswith("  "))
    assert roles.startswith("headwater processor, ")
    with anew() as dsn:
        assert followed(steps, tmp_path, dsn) == []
        assert fetched(dsn, RECIPIENTS) == list(ADDRESSES.items())


def followed(steps: list[str], directory: Path, dsn: str) -> list[str]:
    """Does what was printed, in an environment that knows nothing else; the complaints."""
    script = "set -e\n" + "\n".join(steps).replace("postgresql://headwater@database/headwater", f"'{dsn}'")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = plain | {"PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], cwd=directory, env=given, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout, done.stderr]


def read_models(dsn: str) -> dict[str, list[str]]:
    """Every row of every read model."""
    views = fetched(dsn, "select viewname from pg_views where schemaname = 'read_models' order by 1")
    return {
        str(view): sorted(str(row) for row in fetched(dsn, f"select * from read_models.{view}")) for (view,) in views
    }


def test_a_lost_database_is_rebuilt_with_the_keys_put_back_before(moved: Installation) -> None:
    with anew() as dsn:
        given = {"HEADWATER_POSTGRES": dsn}
        assert "2 keys put back" in moved.says("keys", "restore", str(moved.keys), **given)
        said = moved.says("journal", "rebuild", **given)
        assert "records" in said
        assert "missing" not in said
        assert read_models(dsn) == read_models(moved.dsn)
        assert fetched(dsn, RECIPIENTS) == list(ADDRESSES.items())


def test_a_lost_database_is_rebuilt_without_the_keys_which_may_come_later(moved: Installation) -> None:
    with anew() as dsn:
        given = {"HEADWATER_POSTGRES": dsn}
        assert "the keys of 2 persons are missing" in moved.says("journal", "rebuild", **given)
        assert fetched(dsn, RECIPIENTS) == [(user_id, None) for user_id in ADDRESSES]
        assert "2 keys put back" in moved.says("keys", "restore", str(moved.keys), **given)
        moved.says("projection", "rebuild", "communication_recipients", **given)
        moved.says("projection", "swap", "communication_recipients", **given)
        assert fetched(dsn, RECIPIENTS) == list(ADDRESSES.items())


def test_a_database_in_use_is_neither_rebuilt_over_nor_moved_again(moved: Installation) -> None:
    given = {"HEADWATER_POSTGRES": moved.dsn}
    told(moved.run("journal", "rebuild", **given), "rebuild into an empty database")
    told(moved.run("move", "--to-kafka", moved.cluster.bootstrap, **given), "was moved already")


@pytest.mark.parametrize("role", ["processor", "projector", "worker", "api"])
def test_no_role_takes_an_empty_database_for_one_of_a_log_with_records(moved: Installation, role: str) -> None:
    """It would lack the keys of persons, and give them new ones."""
    with anew() as dsn:
        given = {"HEADWATER_POSTGRES": dsn}
        for _ in range(2):
            refused = moved.run(role, **given)
            assert refused.returncode == (1 if role in ("worker", "api") else WRONG_SETUP_EXIT)
            assert "this database is empty, but the topics hold records" in refused.stdout + refused.stderr
            moved.says("keys", "restore", str(moved.keys), **given)


def test_a_rebuild_that_was_broken_off_is_no_database_to_go_on_with(moved: Installation) -> None:
    with anew() as dsn:
        given = {"HEADWATER_POSTGRES": dsn}
        moved.says("keys", "restore", str(moved.keys), **given)
        moved.says("journal", "rebuild", **given)
        with psycopg.connect(dsn) as connection:
            connection.execute("update headwater.installation set follows = false")
        told(moved.run("api", **given), "a rebuild of this database was begun")


def test_a_key_that_differs_is_named_and_not_restored(moved: Installation) -> None:
    """As where a person was given a second key: records under either would be lost under the other."""
    with anew() as dsn:
        given = {"HEADWATER_POSTGRES": dsn}
        moved.says("keys", "restore", str(moved.keys), **given)
        keyring = Keyring(bytes.fromhex((moved.keys.parent / "data" / "master.key").read_text()))
        keyring.allow("communication:124")
        keyring.cipher_for_writing("communication:124")
        (other,) = keyring.created()
        with psycopg.connect(dsn) as connection:
            connection.execute(
                "update headwater.subject_keys set wrapped = %s where subject = %s", (other.wrapped, other.subject)
            )
        told(moved.run("keys", "restore", str(moved.keys), **given), "another key of communication:124")
        assert fetched(dsn, "select count(*) from headwater.subject_keys where wrapped is not null") == [(2,)]


def test_keys_under_another_master_key_are_not_put_back_and_nothing_is_made_anew_under_it(moved: Installation) -> None:
    """As where the data directory was lost too, and a master key was made that nobody asked for."""
    with anew() as dsn:
        given, other = {"HEADWATER_POSTGRES": dsn}, {"HEADWATER_MASTER_KEY": "ab" * 32}
        told(moved.run("keys", "restore", str(moved.keys), **given, **other), "line 1: this key was wrapped by another")
        assert "2 keys put back" in moved.says("keys", "restore", str(moved.keys), **given)
        told(moved.run("journal", "rebuild", **given, **other), "encrypted under another master key")
        assert "2 persons are missing" not in moved.says("journal", "rebuild", **given)
        assert fetched(dsn, RECIPIENTS) == list(ADDRESSES.items())


def told(refused: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_file_of_something_else_than_keys_is_refused(moved: Installation, tmp_path: Path) -> None:
    file = tmp_path / "else"
    file.write_text('{"subject": "communication:1"}\n')
    told(moved.run("keys", "restore", str(file), HEADWATER_POSTGRES=moved.dsn), "line 1: this is not a key of")


def test_a_part_of_the_history_is_not_made_anew_as_if_it_were_all(moved: Installation) -> None:
    with anew() as dsn:
        refused = moved.run("journal", "rebuild", HEADWATER_POSTGRES=dsn, HEADWATER_PARTITIONS="2")
        told(refused, "has 4 partitions, not 2")


IMPORTED = re.compile(r"^import time:.*\| +([\w.]+)$", re.MULTILINE)
WEB = {"fastapi", "starlette", "uvicorn"}


@pytest.mark.parametrize(
    ("role", "foreign"),
    [
        ("processor", WEB | {"httpx2", "jinja2", "faust"}),
        ("projector", WEB | {"httpx2", "jinja2", "faust"}),
        ("worker", WEB | {"faust"}),
    ],
)
def test_a_role_imports_nothing_that_it_has_no_use_for(
    moved: Installation, tmp_path: Path, role: str, foreign: set[str]
) -> None:
    imported = set(IMPORTED.findall(started(moved, tmp_path, role)))
    assert "streams.kafka.process" in imported
    assert imported & foreign == set()


def started(moved: Installation, directory: Path, role: str) -> str:
    """The words of a role from its start until it serves, with a line for each module that it imports."""
    port = free_port()
    given = {
        "HEADWATER_POSTGRES": moved.dsn,
        "HEADWATER_METRICS_PORT": str(port),
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    with (directory / role).open("w+") as words:
        environment = os.environ | moved.environment | given
        process = subprocess.Popen([*CLI, role], env=environment, stdout=words, stderr=words)
        try:
            until_shown(f"http://127.0.0.1:{port}/metrics", process)
        finally:
            process.terminate()
            process.wait(60)
        words.seek(0)
        return words.read()


def until_shown(url: str, process: subprocess.Popen[bytes]) -> None:
    """Returns once a page is there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx2.get(url, timeout=5)
        except httpx2.HTTPError:
            assert process.poll() is None, "the role has ended"
            assert time.monotonic() < deadline, "the role shows no metrics"
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="module")
def forgetful(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """One whose log would forget after an hour."""
    cluster, data = new_cluster(kafka), tmp_path_factory.mktemp("forgetful")
    one = Installation(cluster, environment(cluster, data / "data"), "postgresql://127.0.0.1:1/none", data / "keys")
    assert cluster.events("gccp") in one.says("topics", "create")
    change(cluster, cluster.events("gccp"), "retention.ms", "3600000")
    return one


@pytest.mark.parametrize(
    ("role", "code"),
    [("processor", WRONG_SETUP_EXIT), ("projector", WRONG_SETUP_EXIT), ("worker", 1), ("api", 1), ("live", 1)],
)
def test_no_role_starts_on_topics_that_could_forget(forgetful: Installation, role: str, code: int) -> None:
    refused = forgetful.run(role, HEADWATER_POSTGRES=forgetful.dsn)
    assert refused.returncode == code
    assert "gccp.events has retention.ms=3600000, it must be -1" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", ["topics create", "topics check", "move --to-kafka {}", "journal rebuild"])
def test_a_cluster_that_does_not_answer_is_named_in_a_sentence(
    forgetful: Installation, database: str, command: str
) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    if command.startswith("move"):  # it looks first whether there is anything to move
        with connect_plain(database) as connection:
            prepare(connection, bootstrap.CONTEXTS, partitions=4)
    given = {"HEADWATER_KAFKA": nowhere, "HEADWATER_POSTGRES": database}
    refused = forgetful.run(*command.format(nowhere).split(), **given)
    assert refused.returncode == 1
    assert nowhere in refused.stderr
    assert "Traceback" not in refused.stderr
