"""The commands of pages that need a cluster: roles as the README starts them, a lost database that comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2
import pytest

from streams.kafka.settings import Cluster
from tests.databases import fresh_database
from tests.project.pages import Block, Workspace, answers, blocks, workspace
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.runtime import new_cluster

pytestmark = pytest.mark.faults
PATIENCE_SECONDS = 120.0
API = "/communication/api/communication"


@pytest.fixture(scope="module")
def cluster(kafka: Kafka) -> Cluster:
    return new_cluster(kafka)


@pytest.fixture(scope="module")
def installed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A directory in which the cluster is known by its prefix, as one broker is all there is."""
    environment = {
        "HEADWATER_PORT": str(free_port()),
        "HEADWATER_PREFIX": cluster.prefix,
        "HEADWATER_REPLICAS": "1",
        "HEADWATER_MIN_INSYNC": "1",
    }
    directory = tmp_path_factory.mktemp("pages") / "installed"
    directory.mkdir()
    with workspace(directory, environment) as here:
        yield here


def of_a_cluster(page: str, words: str) -> Block:
    """The one block of commands that holds these words."""
    (found,) = (block for block in blocks(page) if block.language == "sh" and words in block.text)
    return found


def test_roles_start_as_the_readme_says_and_a_lost_database_comes_back_as_operating_says(
    installed: Workspace, cluster: Cluster, database: str
) -> None:
    live = free_port()
    names = {"broker:9092": cluster.bootstrap, "postgresql://headwater@database/headwater": f"'{database}'"}
    installed.start(replaced(of_a_cluster("README.md", "headwater processor &"), names | {"8001": str(live)}))
    record(installed)
    until_answers(f"http://127.0.0.1:{live}/live")
    installed.environment |= {"HEADWATER_KAFKA": cluster.bootstrap, "HEADWATER_POSTGRES": database}
    installed.run_block(of_a_cluster("docs/operating.md", "keys backup"))
    installed.stop()
    databases = fresh_database()
    restored = {"postgresql://headwater@new-database/headwater": f"'{next(databases)}'"}
    printed = installed.run_block(of_a_cluster("docs/operating.md", "journal rebuild"), restored)
    assert "1 keys put back" in printed
    assert "records" in printed
    assert "missing" not in printed
    next(databases, None)


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
