"""An installation on Kafka whose processes are replaced one by one, so that two releases run beside each other."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.databases import fresh_database
from tests.streams.kafka.broker import Kafka
from tests.upgrade.exchanges import KEY
from tests.upgrade.installation import LOOK_SECONDS, PATIENCE_SECONDS, Installation, wait
from tests.upgrade.packing import DATA

pytestmark = pytest.mark.faults
API = "/communication/api/communication"
UNKNOWN = uuid4()
UNLIMITED = ("--limit", "general=100000/min", "--limit", "communication_sending=1000/min")
ROLES = ("projector", "api", "processor", "worker")
"""In this order the new ones come; the old worker and processor end before the new api begins.

An older release reads no event or outcome that has a new name or field, so the old projector, api and worker are gone
before the new processor writes. Its processor refuses commands of that kind, and leaves out what a worker knows of a
call in doubt, so it is gone before the new api and worker write.
"""


@dataclass
class Rolling:
    """The installation, its old release, a token, and every message that was asked for so far."""

    installation: Installation
    release: Path
    token: str
    messages: list[str] = field(default_factory=list)

    def ask_once(self, method: str, path: str, body: dict[str, Any] | None, key: str) -> httpx2.Response:
        """One answer: 202 while the command waits in the log."""
        given = {"Authorization": f"Bearer {self.token}", KEY: key}
        with self.installation.client() as client:
            return client.request(method, API + path, json=body, headers=given)

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None
    ) -> httpx2.Response:
        """The answer once it is known."""
        key, until = key or str(uuid4()), time.monotonic() + PATIENCE_SECONDS
        while (answer := self.ask_once(method, path, body, key)).status_code == 202:
            assert time.monotonic() < until, f"{method} {path} is not decided"
            time.sleep(LOOK_SECONDS)
        return answer

    def replace(self, role: str) -> None:
        self.installation.stop(role)
        self.installation.start(role)

    def exchange(self, user: int) -> None:
        """Consent to mail and to texts, a message that goes out, and a refusal."""
        consent = self.ask("POST", "/consent/email", {"user_id": user, "email": f"user{user}@example.com"})
        assert consent.status_code == 200, consent.text
        number = {"user_id": user, "phone_number": f"+1555123{user:04}"}
        consent = self.ask("POST", "/consent/sms", number)
        assert consent.status_code == 200, consent.text
        wait(partial(self.has_code, number["phone_number"]), "the code has not gone out")
        self.messages.append(self.ask("POST", "/send", report_to(user)).json()["task_id"])
        wait(partial(self.sent, self.messages[-1]), "the message has not gone out")
        assert self.ask("POST", f"/cancel/{UNKNOWN}").status_code == 404

    def sent(self, message: str) -> bool:
        return bool(self.ask("GET", f"/status/{message}").json()["status"] == "SUCCESS")

    def has_code(self, number: object) -> bool:
        return any(str(number) in file.read_text() for file in (self.installation.data / "outbox").glob("sms-*.json"))

    def responds(self) -> bool:
        """Whether the api answers at all: without a processor a new one is not ready."""
        try:
            return httpx2.get(f"{self.installation.url}/health", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False


@pytest.fixture
def rolling(kafka: Kafka, tmp_path: Path) -> Iterator[Rolling]:
    """An installation of the old release, every role of it running."""
    with tarfile.open(DATA / "release-0.1.tar.xz", "r:xz") as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "data").mkdir()
    for dsn in fresh_database():
        given = {
            "HEADWATER_KAFKA": kafka.bootstrap,
            "HEADWATER_PREFIX": f"mixed-{uuid4().hex}",
            "HEADWATER_REPLICAS": "1",
            "HEADWATER_MIN_INSYNC": "1",
            "HEADWATER_POSTGRES": dsn,
        }
        installation, release = Installation(tmp_path / "data", given), tmp_path / "release"
        of_old(installation, release, "topics", "create")
        token = of_old(installation, release, "keys", "issue", "communication", *UNLIMITED).split()[-1]
        for role in ROLES:
            installation.start(role, release=release)
        try:
            installation.await_ready("api")
            yield Rolling(installation, release, token)
        finally:
            installation.stop()


def report_to(user: int) -> dict[str, Any]:
    data = {"amount": 12.5, "month": "May"}
    return {"user_id": user, "trigger_type": "monthly_report", "channel": "email", "data": data}


def of_old(installation: Installation, release: Path, *arguments: str) -> str:
    """What a command of the old release prints."""
    command = [str(Path(sys.executable).with_name("headwater")), *arguments]
    given = installation.environment | {"PYTHONPATH": str(release)}
    return subprocess.run(command, env=given, check=True, capture_output=True, text=True, timeout=60).stdout


def test_roles_replaced_one_by_one_lose_and_misread_nothing(rolling: Rolling) -> None:
    installation, send, key = rolling.installation, ("POST", "/send", report_to(1)), str(uuid4())
    rolling.exchange(1)
    installation.says("topics", "create")  # of products that the old release has not
    rolling.replace("projector")
    rolling.exchange(2)

    installation.stop("worker", "processor")
    assert rolling.ask_once(*send, key).status_code == 202
    rolling.replace("api")
    wait(rolling.responds, "the api does not answer")
    wait(lambda: rolling.ask_once(*send, key).status_code == 202, "the api has not found the log")
    installation.start("processor")
    installation.await_ready("api")
    rolling.messages.append(rolling.ask(*send, key).json()["task_id"])
    installation.start("worker")
    rolling.exchange(3)

    wait(lambda: all(rolling.sent(message) for message in rolling.messages), "what waited has not gone out")
    assert "whole" in installation.says("audit", "verify")
    assert installation.run("audit", "replay").code == 0
