"""What `headwater status`, `/ready` and each role's own health say of an installation's processes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

import bootstrap
from tests.databases import fresh_database
from tests.streams.kafka.broker import Kafka, free_port
from tests.streams.kafka.installed import Installed, installed
from tests.streams.kafka.runtime import new_cluster

pytestmark = pytest.mark.faults
PROCESSES = {
    "processor-1": "processor",
    "processor-2": "processor",
    "projector-1": "projector",
    "worker-1": "worker",
    "api-1": "api",
}
API = "/communication/api/communication"
PATIENCE_SECONDS = 120.0


class Running(NamedTuple):
    """An installation with all of its processes, the ports of their health, and the root of its API."""

    here: Installed
    ports: dict[str, int]
    root: str

    def status(self) -> tuple[int, dict[str, Any]]:
        """The exit code of `headwater status --json`, and what it says of processes."""
        done = self.here.run("operator", "status", "--json")
        return done.returncode, json.loads(done.stdout)["processes"]

    def ready(self) -> tuple[int, dict[str, Any]]:
        answer = httpx2.get(f"{self.root}/ready", timeout=20)
        return answer.status_code, answer.json()["processes"]

    def health(self, name: str) -> int | None:
        """The status of a process's own health; None for one that does not answer."""
        path = "/health"
        try:
            return httpx2.get(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=2).status_code
        except httpx2.TransportError:
            return None

    def child(self, name: str) -> int:
        """The process that a supervisor runs."""
        supervisor = self.here.running[name].pid
        (child,) = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return int(child)


@pytest.fixture(scope="module")
def running(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("processes")
    ports = {name: free_port() for name in PROCESSES}
    databases = fresh_database()
    cluster = new_cluster(kafka)
    variables = {
        "HEADWATER_KAFKA": cluster.bootstrap,
        "HEADWATER_PREFIX": cluster.prefix,
        "HEADWATER_POSTGRES": next(databases),
        "HEADWATER_DATA": str(directory / "data"),
        "HEADWATER_REPLICAS": "1",
        "HEADWATER_MIN_INSYNC": "1",
    }

    def own(name: str) -> dict[str, str]:
        port = str(ports.get(name, 0))
        port_variable = "HEADWATER_PORT" if name.startswith("api") else "HEADWATER_METRICS_PORT"
        return {"HEADWATER_INSTANCE": name, port_variable: port}

    with installed(directory, variables, own) as here:
        nothing = here.run("operator", "status")
        assert nothing.returncode == 1
        assert "the first role to start makes the tables" in nothing.stderr
        assert here.run("operator", "topics", "create").returncode == 0
        for name, role in PROCESSES.items():
            here.start(role, name)
        yield Running(here, ports, f"http://127.0.0.1:{ports['api-1']}")
    next(databases, None)


def lag(processes: dict[str, Any], role: str) -> int | None:
    """What waits for a role; None while the brokers do not tell."""
    found = processes["groups"].get(role)
    return None if found is None else int(found["lag"])


def missing(said: tuple[int, dict[str, Any]]) -> tuple[int, list[str]]:
    """A status or exit code with the roles that are said to be missing."""
    code, processes = said
    return code, processes["missing"]


def until(condition: Callable[[], bool], complaint: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.1)


def until_all_serve(running: Running) -> dict[str, Any]:
    """What `/ready` says once it is 200, both processors are in their group, and everybody has been seen."""
    said: dict[str, Any] = {}

    def complete() -> bool:
        try:
            code, processes = running.ready()
        except (httpx2.HTTPError, KeyError):
            return False
        said.update(processes)
        members = processes["groups"].get("processor", {}).get("members", ())
        return code == 200 and len(members) == 2 and not processes["missing"]

    until(complete, lambda: said or {name: running.here.printed(name) for name in PROCESSES})
    return said


def test_every_process_is_shown_with_its_share_and_partitions_of_every_context_are_spread(running: Running) -> None:
    shown = until_all_serve(running)
    assert [(one["instance"], one["partitions"]) for one in shown["groups"]["processor"]["members"]] == [
        ("processor-1", {context.name: 2 for context in bootstrap.CONTEXTS}),
        ("processor-2", {context.name: 2 for context in bootstrap.CONTEXTS}),
    ]
    (projector,) = shown["groups"]["projector"]["members"]
    assert projector == {
        "instance": "projector-1",
        "partitions": {context.name: 4 for context in bootstrap.CONTEXTS},
    }
    assert {one["instance"] for one in shown["seen"]} == set(PROCESSES)
    until(lambda: running.status()[0] == 0, running.status)
    assert [running.health(name) for name in PROCESSES] == [200] * len(PROCESSES)


def test_frozen_processors_are_missing_and_their_commands_are_counted(running: Running) -> None:
    until_all_serve(running)
    token = running.here.run("operator", "keys", "issue", "communication").stdout.strip()  # a command of its own
    until(lambda: lag(running.ready()[1], "processor") == 0, running.ready)
    children = [running.child("processor-1"), running.child("processor-2")]
    for child in children:
        os.kill(child, signal.SIGSTOP)
    try:
        assert running.health("processor-1") is None
        until(lambda: running.ready()[0] == 503, running.ready)
        answer = httpx2.post(
            f"{running.root}{API}/consent/email",
            json={"user_id": 1, "email": "you@example.com"},
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        assert answer.status_code == 202, answer.text
        until(lambda: lag(running.ready()[1], "processor") == 1, running.ready)
        until(lambda: lag(running.status()[1], "processor") == 1, running.status)
        until(lambda: missing(running.status()) == (3, ["processor"]), running.status)
        said = running.here.run("operator", "status").stdout
        assert "processor: nobody; " in said
        assert "1 commands wait" in said
        assert "no processor serves" in said
    finally:
        for child in children:
            os.kill(child, signal.SIGCONT)
    for role in ("processor", "projector"):
        until_done(running, role)


def until_done(running: Running, role: str) -> None:
    until(lambda: lag(running.ready()[1], role) == 0, running.ready)


def test_an_installation_without_a_worker_is_ready_but_not_well(running: Running) -> None:
    until_all_serve(running)
    worker = running.here.running.pop("worker-1")
    worker.terminate()
    worker.wait(60)
    assert missing(running.ready()) == (200, ["worker"])
    code, shown = running.status()
    assert missing((code, shown)) == (3, ["worker"])
    assert "worker-1" not in {one["instance"] for one in shown["seen"]}
