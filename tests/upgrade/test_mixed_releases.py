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
from tests.upgrade.installation import LOOK_SECONDS, Installation, wait
from tests.upgrade.packing import DATA

pytestmark = pytest.mark.faults
API = "/communication/api/communication"
UNKNOWN = uuid4()
ORDER = ("projector", "api", "worker", "processor")
"""Readers before writers. Outcomes of the new release name its refusals, so their reader, the api, comes early."""


@dataclass
class Rolling:
    """The installation, its old release, a token, and every message that was asked for so far."""

    installation: Installation
    release: Path
    token: str
    messages: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """The answer once it is known: without the role that is being replaced, a command waits in the log."""
        given = {"Authorization": f"Bearer {self.token}", KEY: str(uuid4())}
        with self.installation.client() as client:
            while (answer := client.request(method, API + path, json=body, headers=given)).status_code == 202:
                time.sleep(LOOK_SECONDS)
        return answer

    def exchange(self, user: int) -> None:
        """Consent to mail, a message that goes out, and a refusal."""
        consent = self.ask("POST", "/consent/email", {"user_id": user, "email": f"user{user}@example.com"})
        assert consent.status_code == 200, consent.text
        data = {"amount": 12.5, "month": "May"}
        order = {"user_id": user, "trigger_type": "monthly_report", "channel": "email", "data": data}
        self.messages.append(self.ask("POST", "/send", order).json()["task_id"])
        wait(partial(self.sent, self.messages[-1]), "the message has not gone out")
        assert self.ask("POST", f"/cancel/{UNKNOWN}").status_code == 404

    def sent(self, message: str) -> bool:
        return bool(self.ask("GET", f"/status/{message}").json()["status"] == "SUCCESS")


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
        token = of_old(installation, release, "keys", "issue", "communication").split()[-1]
        for role in ORDER:
            installation.start(role, release=release)
        try:
            installation.await_ready("api")
            yield Rolling(installation, release, token)
        finally:
            installation.stop()


def of_old(installation: Installation, release: Path, *arguments: str) -> str:
    """What a command of the old release prints."""
    command = [str(Path(sys.executable).with_name("headwater")), *arguments]
    given = installation.environment | {"PYTHONPATH": str(release)}
    return subprocess.run(command, env=given, check=True, capture_output=True, text=True, timeout=60).stdout


def test_roles_replaced_one_by_one_serve_throughout(rolling: Rolling) -> None:
    rolling.exchange(1)
    for number, role in enumerate(ORDER):
        rolling.installation.stop(role)
        rolling.installation.start(role)
        rolling.installation.await_ready("api")
        rolling.exchange(2 + number)
    assert all(rolling.sent(message) for message in rolling.messages)
    assert "whole" in rolling.installation.says("audit", "verify")
    assert rolling.installation.run("audit", "replay").code == 0
