"""Move to and rebuild from a secured broker, with no more rights than docs/kafka.md lists.

Also every way to authenticate that the connection settings support: passwords and certificates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from confluent_kafka import Producer
from kafka.admin import ACL, ACLOperation, ResourceType

import bootstrap
from streams.core.clock import SystemClock
from streams.kafka import topics
from streams.kafka.denials import Denied
from streams.kafka.live import Live
from streams.kafka.records import record_headers
from streams.kafka.recovery import rebuild
from streams.kafka.replay import LogEndNotReached, replay
from streams.kafka.settings import Cluster
from streams.postgres.database import connect_plain
from tests.commandline.test_on_kafka import anew, read_models, record
from tests.contract.runtimes import START
from tests.contract.shelf import SHELF
from tests.faults.product import Product
from tests.streams.kafka.examples import Log
from tests.streams.kafka.installed import Installed, installed
from tests.streams.kafka.live_role import EVER
from tests.streams.kafka.rights import documented, grant, right
from tests.streams.kafka.runtime import ONE_BROKER, ROOT, mapper, until
from tests.streams.kafka.secured import BROKER, CERTIFIED, KEY_PASSWORD, Secured, authority
from tests.streams.kafka.test_secured import told_in_a_sentence, without

pytestmark = pytest.mark.kafka

MOVING = documented(ROOT / "docs" / "kafka.md", [context.name for context in bootstrap.CONTEXTS], "moving")
"""The rights of the operator's page to topics that nobody else uses."""


@dataclass
class MovedHistory:
    """An embedded installation's data, which is not running any more, with its keys in a file."""

    installation: Installed
    dsn: str
    keys: Path


@pytest.fixture(scope="module")
def history(secure: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MovedHistory]:
    directory = tmp_path_factory.mktemp("history")
    common = {
        "HEADWATER_KAFKA": secure.bootstrap,
        "HEADWATER_PREFIX": "moving",
        "HEADWATER_REPLICAS": "1",
        "HEADWATER_MIN_INSYNC": "1",
        "HEADWATER_PARTITIONS": "1",
        "HEADWATER_DATA": str(directory / "data"),
        "HEADWATER_LOG_LEVEL": "warning",
    }
    with ExitStack() as stack:
        dsn = stack.enter_context(anew())
        product = Product(directory / "data", HEADWATER_POSTGRES=dsn, HEADWATER_PARTITIONS="1")
        product.start()
        record(product)
        assert product.stop() == 0
        grant(secure.cluster(BROKER, ""), MOVING)
        yield MovedHistory(
            stack.enter_context(installed(directory, common, secure.environment)), dsn, directory / "keys"
        )


def test_a_history_is_moved_and_made_anew_with_no_more_than_the_rights_that_are_documented(
    history: MovedHistory, secure: Secured, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each tries in vain first, without one right after the other, and leaves nothing that is in its own way."""

    def run(user: str, dsn: str, *command: str) -> CompletedProcess[str]:
        return history.installation.run_here(capfd, user, *command, HEADWATER_POSTGRES=dsn)

    move, make_anew = ("move", "--to-kafka", secure.bootstrap), ("journal", "rebuild")
    assert "2 keys" in run("move", history.dsn, "keys", "backup", str(history.keys)).stdout
    for lacking in rights_of("move"):
        with without(secure, lacking):
            refused(run("move", history.dsn, *move), lacking)
    assert "in Kafka and verified" in run("move", history.dsn, *move).stdout
    with anew() as dsn:
        for lacking in rights_of("rebuild"):
            with without(secure, lacking):
                refused(run("rebuild", dsn, *make_anew), lacking)
        assert "2 keys" in run("rebuild", dsn, "keys", "restore", str(history.keys)).stdout
        assert "records" in run("rebuild", dsn, *make_anew).stdout
        assert read_models(dsn) == read_models(history.dsn)


def rights_of(user: str) -> list[ACL]:
    return [one for one in MOVING if one.principal == f"User:{user}"]


def refused(tried: CompletedProcess[str], lacking: ACL) -> None:
    """That it ended with the right it lacked in a sentence."""
    assert tried.returncode == 1
    told_in_a_sentence(tried, told_without(lacking))
    assert "rdkafka" not in tried.stderr


def told_without(right: ACL) -> str:
    if right.resource_pattern.resource_type is not ResourceType.TOPIC:
        return "Kafka denies this process a right: .*Transactional Id authorization failed"
    if right.operation is ACLOperation.CREATE:
        return r"topic moving\.\S+ cannot be made: Kafka denies"
    operation = right.operation.name.title().replace("_", "")
    return rf"topic moving\.\S+: Kafka denies .* {operation}: kafka-acls\.sh"


def test_whoever_may_not_read_a_log_is_told_so_at_once(secure: Secured) -> None:
    """An auditor, and a rebuild whose right is gone when it has begun."""
    topics.create(secure.cluster(BROKER, "hidden"), ["shelf"], 1, ONE_BROKER)
    produced(secure.cluster(BROKER, "hidden"))
    grant(secure.cluster(BROKER, ""), [right("stranger", "topic", "hidden.*", "Describe")])
    hidden = secure.cluster("stranger", "hidden")
    with pytest.raises(LogEndNotReached, match=r"hidden\.shelf\.events/0: .*TopicAuthorizationFailed"):
        list(replay(hidden, "shelf", 0, 600))
    with anew() as dsn, connect_plain(dsn) as connection, pytest.raises(Denied, match="Topic authorization failed"):
        rebuild(connection, hidden, [SHELF], mapper(), 1, START)


def by_certificate(secure: Secured) -> Cluster:
    """As the subject of the certificate, who has rights like any user."""
    own = {"topic": ("Create", "DescribeConfigs", "Read", "Write"), "group": ("Read",), "transactional-id": ("Write",)}
    rights = [right(CERTIFIED, kind, "certified.*", operation) for kind in own for operation in own[kind]]
    grant(secure.cluster(BROKER, ""), rights)
    return secure.certified("certified")


@pytest.mark.parametrize(
    "come_in",
    [
        pytest.param(lambda secure: secure.cluster(BROKER, "plain", "PLAIN"), id="PLAIN"),
        pytest.param(lambda secure: secure.cluster(BROKER, "scram", "SCRAM-SHA-256"), id="SCRAM-SHA-256"),
        pytest.param(by_certificate, id="certificate"),
    ],
)
async def test_each_of_the_three_clients_comes_in_by_another_mechanism_and_by_a_certificate_alone(
    secure: Secured, come_in: Callable[[Secured], Cluster]
) -> None:
    cluster = come_in(secure)
    await asyncio.to_thread(topics.create, cluster, ["shelf"], 1, ONE_BROKER)
    produced(cluster)
    live = Live(cluster, ["shelf"], 1, [], SystemClock(), kept=EVER)
    counting = asyncio.create_task(live.run())
    await until(lambda: counting.done() or b"shelf.jar.filled.v1" in live.report())
    counting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await counting


def produced(cluster: Cluster) -> None:
    """A command's records, written as the processor does: in a transaction."""
    producer = Producer(cluster.client(transactional_id=f"{cluster.prefix}.one"))
    producer.init_transactions(20)
    producer.begin_transaction()
    for one, previous in Log(0).filled(1):
        headers = record_headers(one, previous)
        producer.produce(cluster.events("shelf"), one.data, one.key.encode(), 0, headers=headers)
    producer.commit_transaction(20)


async def test_who_is_not_let_in_is_told_so_in_a_sentence_whatever_the_way(secure: Secured, tmp_path: Path) -> None:
    """All at once: each takes as long as an answer is waited for."""
    password = secure._replace(passwords={"stranger": "not-the-s3cret"})
    forged = authority(tmp_path / "other.pem").issue("client", KEY_PASSWORD)
    await asyncio.gather(
        not_let_in(password.cluster("stranger", "x", "PLAIN"), "Invalid username or password.*_SASL_"),
        not_let_in(password.cluster("stranger", "x", "SCRAM-SHA-256"), "invalid credentials.*_SASL_"),
        not_let_in(secure.certified("x", "ssl.certificate.location", "ssl.key.location"), "bad certificate.*_SSL_"),
        not_let_in(secure._replace(certificate=forged).certified("x"), "certificate.*_SSL_"),
    )


async def not_let_in(cluster: Cluster, told: str) -> None:
    with pytest.raises(topics.WrongTopic, match=rf"does not let this process in.*{told}") as refused:
        await asyncio.to_thread(topics.check, cluster, ["shelf"], 1, ONE_BROKER)
    assert "s3cret" not in str(refused.value)
