"""The surface on the distributed runtime, each role a process of its own: whole stories, over two API nodes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.api.content_generator.callers import Caller, key_of
from tests.api.content_generator.followers import Follower, Heard, Instructor
from tests.api.content_generator.live_product import new_session
from tests.api.content_generator.surface import NAME, signed
from tests.api.content_generator.world import DOCUMENT, Providers, providers, subscriber
from tests.api.product import TOKEN_SECRET
from tests.databases import fresh_database
from tests.imitations import slow
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.installed import Installed, installed
from tests.streams.kafka.runtime import new_cluster

pytestmark = pytest.mark.faults

ROLES = {"processor-1": "processor", "projector-1": "projector", "worker-1": "worker", "api-1": "api", "api-2": "api"}
NODES = ("api-1", "api-2")
CHANNELS = ("email", "website", "twitter", "linkedin", "facebook")
WEBHOOKS = {"job.completed", "email.sent", "content.published"}
LETTER = {"subject": "News", "html_content": "<p>News</p>"}
START_SECONDS = 300.0
LOST_SECONDS = 120.0
"""What a worker has claimed is taken over when its lease of 30 seconds ends."""

BATCHES_SENT = f"select count(*) from headwater.journal where name = '{NAME}.campaign.batch_sent.v1' and key = %s"


@dataclass
class Stage:
    """An installation between imitations, and the ports of its processes."""

    world: Providers
    here: Installed
    ports: dict[str, int]
    dsn: str

    def caller(self, node: str = "api-1") -> Caller:
        return Caller(self.ports[node])

    def socket(self, node: str) -> str:
        return f"ws://127.0.0.1:{self.ports[node]}/content-generator/ws/live-updates"

    def start(self, name: str) -> None:
        self.here.start(ROLES[name], name)

    def kill(self, name: str) -> None:
        """kill -9, of what a supervisor supervises too."""
        process = self.here.running.pop(name)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        process.wait()

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def report(self, node: str, *reports: dict[str, Any]) -> None:
        """Push reports of the CRM to a node."""
        content, headers = signed("", list(reports))
        url = f"http://127.0.0.1:{self.ports[node]}/content-generator/webhooks/crm"
        assert httpx2.post(url, content=content, headers=headers, timeout=60).status_code == 200

    async def until(self, condition: Callable[[], bool], complaint: str, seconds: float = 60.0) -> None:
        """Wait until the condition holds."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, (complaint, self._last_words())
            await asyncio.sleep(0.05)

    def _last_words(self) -> dict[str, str]:
        return {name: self.here.printed(name)[-1000:] for name in ROLES}

    def ready(self, node: str) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.ports[node]}/ready", timeout=20).status_code == 200
        except httpx2.TransportError:
            return False


@pytest.fixture(scope="module")
def stage(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("stage")
    ports = {name: free_port() for name in ROLES}
    databases, cluster = fresh_database(), new_cluster(kafka)
    dsn = next(databases)

    def own(name: str) -> dict[str, str]:
        port = "HEADWATER_PORT" if name in NODES else "HEADWATER_METRICS_PORT"
        return {"HEADWATER_INSTANCE": name, port: str(ports.get(name, 0))}

    with providers() as world:
        variables = world.variables | {
            "HEADWATER_KAFKA": cluster.bootstrap,
            "HEADWATER_PREFIX": cluster.prefix,
            "HEADWATER_POSTGRES": dsn,
            "HEADWATER_DATA": str(directory / "data"),
            "HEADWATER_TOKEN_SECRET": TOKEN_SECRET.hex(),
            "HEADWATER_REPLICAS": "1",
            "HEADWATER_MIN_INSYNC": "1",
        }
        with installed(directory, variables, own) as here:
            assert here.run("operator", "topics", "create").returncode == 0
            made = Stage(world, here, ports, dsn)
            for name in ROLES:
                made.start(name)
            asyncio.run(made.until(lambda: all(map(made.ready, NODES)), "it does not start", START_SECONDS))
            yield made
    next(databases, None)


@pytest.fixture
def world(stage: Stage) -> Providers:
    """The imitations as if nothing had come yet."""
    for imitation in vars(stage.world).values():
        if imitation is not stage.world.notion:
            imitation.begin_anew()
    stage.world.crm.subscribers = [subscriber(1)]
    return stage.world


def outbox(stage: Stage) -> list[str]:
    """The kinds of what lies in the outbox."""
    return sorted(file.name.split("-")[0] for file in (stage.here.directory / "data" / "outbox").glob("*.json"))


async def test_a_job_reaches_each_channel_once_and_a_test_nothing_but_the_outbox(
    stage: Stage, world: Providers
) -> None:
    one, other = stage.caller(), stage.caller("api-2")
    body = {"document_id": DOCUMENT, "channels": CHANNELS}
    test = await one.ask("POST", "/api/v2/content/sync", "test", **body, options={"test_mode": True})
    assert (await other.job_over(test["job_id"]))["status"] == "completed"
    assert outbox(stage) == ["campaign", "newsletter", "page", "post", "post", "post"]
    networks = (world.x, world.linkedin, world.facebook)
    assert [len(one.posts) for one in networks] == [0, 0, 0]
    assert (world.crm.mailed, world.platform.journal.received) == ([], [])
    first = await one.ask("POST", "/api/v2/content/sync", "one", **body)
    assert await other.ask("POST", "/api/v2/content/sync", "one", **body) == first
    job = await other.job_over(first["job_id"])
    assert (job["status"], job["errors"]) == ("completed", [])
    assert [len(one.posts) for one in networks] == [1, 1, 1]
    assert world.crm.mailed == ["reader1@example.com"]
    assert [page.content["title"] for page in world.platform.journal.received] == ["The March letter"]
    ids = (first["job_id"], job["results"]["email"]["job_id"])
    await stage.until(lambda: webhooks(world, *ids).keys() == WEBHOOKS, "no webhooks")
    assert webhooks(world, *ids)["job.completed"]["results"] == job["results"]
    for caller in (one, other):
        await caller.close()


def webhooks(world: Providers, *job_ids: str) -> dict[str, dict[str, Any]]:
    """The data of the webhooks about these jobs, by event."""
    bodies = [received.content for received in world.sink.journal.received]
    return {body["event"]: body["data"] for body in bodies if body["data"]["job_id"] in job_ids}


async def test_reports_on_a_newsletter_count_once_however_often_and_by_whatever_way_they_come(
    stage: Stage, world: Providers
) -> None:
    world.crm.subscribers = [subscriber(number) for number in range(1200)]
    caller = stage.caller()
    sent = await caller.ask("POST", "/api/v1/newsletter/send", "letter", **LETTER)
    job = await caller.job_over(sent["job_id"])
    assert (sent["recipients"], job["status"], job["results"]["email"]["recipients"]) == (1200, "completed", 1200)
    assert Counter(world.crm.mailed) == Counter(one["email"] for one in world.crm.subscribers)
    about = {"email": "reader1@example.com", "campaign_id": sent["job_id"], "timestamp": "2026-11-22T10:30:00Z"}
    opened = {"id": "r-1", "event": "opened", **about}
    clicked = {"id": "r-2", "event": "clicked", "url": "https://a.example", **about}
    polled = {"id": "r-3", "event": "opened", **about, "email": "reader2@example.com"}
    for node in (*NODES, *NODES):
        stage.report(node, opened, clicked)
    world.crm.events[sent["job_id"]] = [opened, clicked, opened, polled]
    figures: dict[str, Any] = {}
    async with asyncio.timeout(90):
        while (figures.get("unique_opens"), figures.get("unique_clicks")) != (2, 1):
            figures = await caller.ask("GET", f"/api/v2/analytics/campaigns/{sent['job_id']}")
            await asyncio.sleep(0.2)
    await caller.close()
    assert (figures["total_sent"], figures["total_opened"], figures["total_clicked"]) == (1200, 2, 1), figures
    assert figures["popular_links"] == [{"url": "https://a.example", "clicks": 1}]


async def test_a_session_over_two_nodes_of_which_one_is_killed_is_heard_whole_and_in_order(stage: Stage) -> None:
    session, caller = new_session(), stage.caller()
    instructor = Instructor(stage.socket("api-1"), session, key_of("write"))
    followers = [Follower([stage.socket(node) for node in NODES], session, number) for number in range(10)]
    following = asyncio.gather(*(follower.run() for follower in followers))
    await stage.until(lambda: all(one.connections for one in followers), "not everybody has joined")
    for number in range(20):
        if number == 10:
            stage.kill("api-2")
        await instructor.say("technique_change", f"t{number}", title=str(number))
    stage.start("api-2")
    await stage.until(lambda: all(one.connections > 1 for one in followers[1::2]), "not everybody is back")
    await instructor.say("session_end", "end")
    async with asyncio.timeout(60):
        await following
    content = await caller.ask("GET", f"/api/v2/session/{session}/content?include_replay=true")
    await caller.close()
    log = [Heard(one["position"], one["type"], one["content"]) for one in content["replay"]["messages"]]
    assert [one.number for one in log] == list(range(1, len(log) + 1))
    assert [one.content["title"] for one in log if one.type == "technique_changed"] == [str(n) for n in range(20)]
    for follower in followers:
        assert follower.first is not None
        assert follower.heard == log[follower.first :]


async def test_a_worker_and_a_processor_killed_in_the_middle_of_a_campaign_lose_and_double_nothing(
    stage: Stage, world: Providers
) -> None:
    await stage.until(lambda: stage.ready("api-2"), "the killed node does not come back")
    world.crm.subscribers = [subscriber(number) for number in range(3000)]
    world.crm.behave(slow(0.5, times=None))
    caller = stage.caller("api-2")
    sent = await caller.ask("POST", "/api/v1/newsletter/send", "killed", **LETTER)
    await stage.until(lambda: len(world.crm.keys) > 0, "no batch is sent")
    stage.kill("worker-1")
    stage.start("worker-1")
    await stage.until(lambda: len(world.crm.keys) > 4, "no further batch is sent", LOST_SECONDS)
    stage.kill("processor-1")
    stage.start("processor-1")
    await stage.until(lambda: stage.ask(BATCHES_SENT, sent["job_id"]) == [(6,)], "batches are open", LOST_SECONDS)
    job = await caller.job_over(sent["job_id"])
    await caller.close()
    assert (job["status"], job["results"]["email"]["recipients"]) == ("completed", 3000)
    assert Counter(world.crm.mailed) == Counter(one["email"] for one in world.crm.subscribers)
