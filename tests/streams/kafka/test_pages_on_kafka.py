"""The commands of pages that need a cluster: roles as the README starts them, a lost database that comes back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from confluent_kafka.admin import AdminClient

from streams.kafka.settings import Cluster
from tests.databases import fresh_database
from tests.project.pages import Block, Workspace, answers, blocks, workspace
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.runtime import new_cluster
from tests.streams.kafka.three_brokers import three_brokers

pytestmark = pytest.mark.faults
PATIENCE_SECONDS = 120.0
API = "/communication/api/communication"


ONE_BROKER = re.compile(r"^export HEADWATER_REPLICAS=1 .*\n", re.MULTILINE)
"""The line of the README that a cluster of three is started without."""


@contextmanager
def place(directory: Path, cluster: Cluster, live: int) -> Iterator[Workspace]:
    """A directory in which the cluster is known by its prefix."""
    environment = {
        "HEADWATER_PORT": str(free_port()),
        "HEADWATER_PREFIX": cluster.prefix,
        "HEADWATER_LIVE_URL": f"http://127.0.0.1:{live}",
    }
    directory.mkdir()
    with workspace(directory, environment) as here:
        yield here


def of_a_cluster(page: str, words: str) -> Block:
    """The one block of commands that holds these words."""
    (found,) = (block for block in blocks(page) if block.language == "sh" and words in block.text)
    return found


def test_roles_start_as_the_readme_says_and_a_lost_database_comes_back_as_operating_says(
    kafka: Kafka, tmp_path: Path, database: str
) -> None:
    cluster, live = new_cluster(kafka), free_port()
    with place(tmp_path / "installed", cluster, live) as installed:
        names = {"broker:9092": cluster.bootstrap, "postgresql://headwater@database/headwater": f"'{database}'"}
        text = replaced(of_a_cluster("README.md", "headwater processor &"), names | {"8001": str(live)})
        one_broker = ONE_BROKER.search(text)
        assert one_broker is not None
        installed.start(text)
        record(installed)
        until_answers(f"http://127.0.0.1:{installed.environment['HEADWATER_PORT']}/live")
        installed.environment |= {"HEADWATER_KAFKA": cluster.bootstrap, "HEADWATER_POSTGRES": database}
        installed.run(one_broker[0])
        assert "processor: processor-" in installed.run("headwater status")
        installed.run_block(of_a_cluster("docs/operating.md", "keys backup"))
        installed.stop()
        databases = fresh_database()
        restored = {"postgresql://headwater@new-database/headwater": f"'{next(databases)}'"}
        printed = installed.run_block(of_a_cluster("docs/operating.md", "journal rebuild"), restored)
        assert "1 keys put back" in printed
        assert "records" in printed
        assert "missing" not in printed
        next(databases, None)


def test_the_same_page_serves_a_cluster_of_three_brokers_without_the_line_for_one(
    startable: None, tmp_path: Path, database: str
) -> None:
    live = free_port()
    with three_brokers() as bootstrap, place(tmp_path / "installed", Cluster(bootstrap), live) as installed:
        names = {"broker:9092": bootstrap, "postgresql://headwater@database/headwater": f"'{database}'"}
        text = replaced(of_a_cluster("README.md", "headwater processor &"), names | {"8001": str(live)})
        installed.start(ONE_BROKER.sub("", text))
        record(installed)
        described = AdminClient({"bootstrap.servers": bootstrap}).list_topics("headwater.gccp.events", timeout=10)
        assert {len(one.replicas) for one in described.topics["headwater.gccp.events"].partitions.values()} == {3}


def replaced(block: Block, words: dict[str, str]) -> str:
    text = block.text
    for word, other in words.items():
        assert word in text, word
        text = text.replace(word, other)
    return text


def record(installed: Workspace) -> None:
    """A consent through the API, which is answered once every role has done its part."""
    token = installed.run("headwater keys issue communication").strip()
    answer = httpx2.post(
        f"http://127.0.0.1:{installed.environment['HEADWATER_PORT']}{API}/consent/email",
        json={"user_id": 123, "email": "you@example.com"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE_SECONDS,
    )
    assert answer.status_code in (200, 202), answer.text


def until_answers(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(url):
        assert time.monotonic() < deadline, url
        time.sleep(0.05)
