"""Secured broker (TLS, passwords, rights): every role works with those in docs/kafka.md and names a missing right."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from kafka.admin import ACL

from streams.core.clock import SystemClock
from streams.core.gateway import Pending
from streams.kafka import topics
from streams.kafka.denials import Denied
from streams.kafka.gateway import KafkaGateway
from streams.kafka.live import Live
from streams.kafka.supervisor import WRONG_SETUP_EXIT
from tests.contract.runtimes import PARTITIONS
from tests.streams.kafka.broker import free_port
from tests.streams.kafka.installed import Installed, installed
from tests.streams.kafka.rights import grant, right, withdraw
from tests.streams.kafka.runtime import ONE_BROKER, ROOT, mapper, set_up, until
from tests.streams.kafka.secured import BROKER, Secured, authority
from tests.streams.kafka.test_projector_faults import fill

pytestmark = pytest.mark.kafka

ROLES = ("processor", "projector", "worker", "api", "live")
API = "/communication/api/communication"
COMMANDS = "headwater.communication.commands"
MESSAGE = {"user_id": 123, "trigger_type": "monthly_report", "data": {"month": "November"}, "channel": "email"}
NOBODY = "postgresql://127.0.0.1:1/none"


@pytest.fixture(scope="module")
def installation(secure: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Its topics are there; every process is a user of its own name."""
    directory = tmp_path_factory.mktemp("installation")
    common = {
        "HEADWATER_KAFKA": secure.bootstrap,
        "HEADWATER_REPLICAS": "1",
        "HEADWATER_MIN_INSYNC": "1",
        "HEADWATER_PARTITIONS": "1",
        "HEADWATER_DATA": str(directory / "data"),
        "HEADWATER_POSTGRES": NOBODY,
        "HEADWATER_MASTER_KEY": "0" * 64,
        "HEADWATER_TOKEN_SECRET": "1" * 64,
        "HEADWATER_INSTANCE": "one",
    }
    with installed(directory, common, secure.environment) as one:
        made = one.run("topics", "topics", "create")
        assert f"made {COMMANDS}" in made.stdout, made.stderr
        yield one


def test_topics_are_made_and_checked_with_a_password_over_tls(installation: Installed) -> None:
    checked = installation.run("topics", "topics", "check")
    assert checked.returncode == 0, checked.stderr


async def test_every_role_does_its_work_with_no_more_than_the_rights_that_are_documented(
    installation: Installed, secure: Secured, database: str
) -> None:
    ports = {"api": str(free_port()), "live": str(free_port())}
    for role in ROLES:
        given = {"HEADWATER_PORT": ports[role]} if role in ports else {}
        installation.start(role, HEADWATER_POSTGRES=database, **given)
    token = installation.run("api", "keys", "issue", "communication").stdout.strip()
    url, headers = f"http://127.0.0.1:{ports['api']}", {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(base_url=url + API, headers=headers, timeout=60) as client:
        await until_answered(client, f"{url}/ready")
        assert await sent(client) == "SUCCESS"
        live = f"http://127.0.0.1:{ports['live']}/live"
        await until_answered(client, live)
        await until_counted(client, live, "communication.message.requested.v1")
        await deprived_worker(installation, secure, client)
        await deprived_api(installation, secure, client)
    for role in ROLES:
        assert "Traceback" not in installation.printed(role)
        assert "s3cret" not in installation.printed(role)


async def sent(client: httpx2.AsyncClient) -> str:
    """A message's status once it has been requested, decided, projected, sent by the worker and reported."""
    consent = await client.post("/consent/email", json={"user_id": 123, "email": "ada@example.com"})
    assert consent.status_code == 200, consent.text
    task = (await client.post("/send", json=MESSAGE)).json()["task_id"]
    async with asyncio.timeout(60):
        while (status := (await client.get(f"/status/{task}")).json()["status"]) not in ("SUCCESS", "FAILURE"):
            await asyncio.sleep(0.05)
    return str(status)


async def until_answered(client: httpx2.AsyncClient, url: str) -> None:
    """Returns once the address answers 200."""
    async with asyncio.timeout(60):
        while await status_of(client, url) != 200:
            await asyncio.sleep(0.05)


async def status_of(client: httpx2.AsyncClient, url: str) -> int:
    try:
        return (await client.get(url)).status_code
    except httpx2.TransportError:
        return 0


async def until_counted(client: httpx2.AsyncClient, url: str, event: str) -> None:
    """Returns once the live figures know of such an event, in a minute that may not be over."""
    async with asyncio.timeout(60):
        while event not in (await client.get(url)).text:
            await asyncio.sleep(0.2)


async def deprived_worker(installation: Installed, secure: Secured, client: httpx2.AsyncClient) -> None:
    """It cannot report what it has sent: it says so and ends."""
    with without(secure, right("worker", "topic", COMMANDS, "Write")):
        assert (await client.post("/send", json=MESSAGE)).status_code == 200
        await ended(installation, "worker")


async def deprived_api(installation: Installed, secure: Secured, client: httpx2.AsyncClient) -> None:
    """It takes no command, says so and ends."""
    with without(secure, right("api", "topic", COMMANDS, "Write")):
        refused = await client.post("/consent/email", json={"user_id": 124, "email": "bob@example.com"})
        assert refused.status_code == 503
        await ended(installation, "api")


@contextmanager
def without(secure: Secured, *rights: ACL) -> Iterator[None]:
    withdraw(secure.cluster(BROKER, ""), rights)
    try:
        yield
    finally:
        grant(secure.cluster(BROKER, ""), rights)


async def ended(installation: Installed, role: str) -> None:
    """Returns once the role has ended of itself, for lack of a right."""
    process = installation.running[role]
    await until(lambda: process.poll() is not None)
    assert process.returncode == 1
    assert "Kafka denies this process a right" in installation.printed(role)


WRONG_PASSWORD = {"HEADWATER_KAFKA_SASL_PASSWORD": "not-the-s3cret"}


def wrong_password(_directory: Path) -> dict[str, str]:
    return WRONG_PASSWORD


def other_authority(directory: Path) -> dict[str, str]:
    return {"HEADWATER_KAFKA_SSL_CA_LOCATION": str(authority(directory / "other.pem").location)}


def no_such_file(directory: Path) -> dict[str, str]:
    return {"HEADWATER_KAFKA_SSL_CA_LOCATION": str(directory / "absent.pem")}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (wrong_password, r"invalid credentials.*HEADWATER_KAFKA_SASL_"),
        (other_authority, r"certificate verify failed.*HEADWATER_KAFKA_SSL_"),
        (no_such_file, r"HEADWATER_KAFKA_….*ssl\.ca\.location"),
    ],
)
def test_who_is_not_let_in_is_told_why_in_a_sentence(
    installation: Installed, tmp_path: Path, wrong: Any, told: str
) -> None:
    refused = installation.run("topics", "topics", "check", **wrong(tmp_path))
    assert refused.returncode == 1
    told_in_a_sentence(refused, told)


@pytest.mark.parametrize(
    ("role", "code", "lacks"),
    [
        ("processor", WRONG_SETUP_EXIT, "Write"),
        ("projector", WRONG_SETUP_EXIT, "Read"),
        ("worker", 1, "Write"),
        ("api", 1, "Write"),
        ("live", 1, "Read"),
    ],
)
def test_no_role_starts_without_the_rights_to_its_topics(
    installation: Installed, role: str, code: int, lacks: str
) -> None:
    refused = installation.run("topics", role)
    assert refused.returncode == code
    told_in_a_sentence(refused, rf"topic headwater\.\S+: Kafka denies .* {lacks}: kafka-acls\.sh")


def test_a_stranger_makes_no_topics_and_is_told_which_right_that_takes(installation: Installed) -> None:
    refused = installation.run("stranger", "topics", "create")
    assert refused.returncode == 1
    told_in_a_sentence(refused, r"topic headwater\.\S+: Kafka denies .* Describe: kafka-acls\.sh")


@pytest.fixture(scope="module")
def shelf(secure: Secured) -> Secured:
    """Topics of another prefix; one user may all with them and has neither group nor transactional id, another has
    those but may write nothing."""
    topics.create(secure.cluster(BROKER, "shelf"), ["shelf"], PARTITIONS, ONE_BROKER)
    halfway = [right("halfway", "topic", "shelf.*", operation) for operation in ("Read", "Write")]
    reading = [right("reader", kind, "shelf.*", "Read") for kind in ("topic", "group")]
    grant(secure.cluster(BROKER, ""), [*halfway, *reading, right("reader", "transactional-id", "shelf.*", "Write")])
    return secure


@pytest.mark.parametrize(
    ("role", "wrong", "told"),
    [
        ("processor", {}, "Transactional Id authorization failed"),
        ("projector", {}, "Group authorization failed"),
        ("processor", WRONG_PASSWORD, "invalid credentials"),
        ("projector", WRONG_PASSWORD, "invalid credentials"),
    ],
)
def test_a_role_that_is_denied_something_while_it_runs_says_so_and_ends(
    shelf: Secured, role: str, wrong: Mapping[str, str], told: str
) -> None:
    denied_while_running({**shelf.environment("halfway"), **wrong}, shelf, NOBODY, role, told)


def denied_while_running(environment: Mapping[str, str], shelf: Secured, dsn: str, role: str, told: str) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.streams.kafka.role",
        role,
        "one",
        shelf.bootstrap,
        "shelf",
        dsn,
        str(PARTITIONS),
    ]
    given = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    told_in_a_sentence(done, rf"starting again: Kafka d.*{told}")


async def test_a_processor_that_may_not_write_what_it_has_decided_says_so_and_ends(
    shelf: Secured, database: str
) -> None:
    cluster = shelf.cluster(BROKER, "shelf")
    await asyncio.to_thread(set_up, cluster, database)
    gateway = KafkaGateway(cluster, database, mapper())
    await gateway.start()
    await until(lambda: gateway.connected)
    with pytest.raises(Pending):
        await fill(gateway, 0, seconds=1.0)
    await gateway.stop()
    told = "Topic authorization failed"
    await asyncio.to_thread(denied_while_running, shelf.environment("reader"), shelf, database, "processor", told)


async def test_live_that_may_not_have_a_group_says_so_instead_of_waiting_for_one(shelf: Secured) -> None:
    with pytest.raises(Denied, match="Group authorization failed"):
        async with asyncio.timeout(60):
            await Live(shelf.cluster("halfway", "shelf"), ["shelf"], PARTITIONS, [], SystemClock()).run()


def told_in_a_sentence(done: subprocess.CompletedProcess[str], told: str) -> None:
    """What was printed says so, without a trace and without a secret."""
    said = done.stdout + done.stderr
    assert re.search(told, said), said
    assert "Traceback" not in said
    assert "s3cret" not in said
