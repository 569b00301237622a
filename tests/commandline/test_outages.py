"""Roles and their broker: they wait for one that is away at their start, and serve soon after one comes back."""

from __future__ import annotations

import time
from pathlib import Path

import httpx2
import pytest

from tests.streams.kafka.broker import Broker, free_port
from tests.streams.kafka.installed import Installed, installed

pytestmark = pytest.mark.faults
ROLES = ("processor", "projector", "api")
API = "/communication/api/communication"
OUTAGE_SECONDS = 12.0
"""Longer than the group keeps members without a broker, and than a client takes to notice."""

SOON_SECONDS = 10.0
"""Three are the rule; a client that hangs is ended after ten, and then its successor has yet to begin."""

PATIENCE_SECONDS = 120.0


@pytest.fixture
def variables(broker: Broker, database: str, tmp_path: Path) -> dict[str, str]:
    return {
        "HEADWATER_KAFKA": broker.bootstrap,
        "HEADWATER_POSTGRES": database,
        "HEADWATER_DATA": str(tmp_path / "data"),
        "HEADWATER_PORT": str(free_port()),
        "HEADWATER_TOKEN_SECRET": "5e" * 32,
        "HEADWATER_PARTITIONS": "2",
        "HEADWATER_REPLICAS": "1",
        "HEADWATER_MIN_INSYNC": "1",
    }


def test_roles_wait_for_their_broker_and_serve_within_seconds_of_its_return(
    broker: Broker, tmp_path: Path, variables: dict[str, str]
) -> None:
    with installed(tmp_path, variables, lambda _: {}) as here:
        assert here.run("topics", "topics", "create").returncode == 0
        token = here.run("keys", "keys", "issue", "communication").stdout.strip()
        broker.kill()
        for role in ROLES:
            here.start(role)
        for role in ROLES:
            until_printed(here, role, f"no Kafka broker answers at {broker.bootstrap}")
        broker.start()
        answered(variables, token, user_id=1, seconds=PATIENCE_SECONDS)
        broker.kill()
        time.sleep(OUTAGE_SECONDS)
        broker.start()
        answered(variables, token, user_id=2, seconds=SOON_SECONDS)
        assert [role for role in ROLES if here.running[role].poll() is not None] == []


def until_printed(here: Installed, role: str, words: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while words not in here.printed(role):
        assert here.running[role].poll() is None, f"{role} has ended: {here.printed(role)}"
        assert time.monotonic() < deadline, here.printed(role)
        time.sleep(0.05)


def answered(variables: dict[str, str], token: str, user_id: int, seconds: float) -> None:
    """A consent is recorded within these seconds: the outcome is there, not only the command."""
    deadline, said = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            answer = httpx2.post(
                f"http://127.0.0.1:{variables['HEADWATER_PORT']}{API}/consent/email",
                json={"user_id": user_id, "email": "you@example.com"},
                headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(user_id)},
                timeout=seconds,
            )
        except httpx2.TransportError as error:
            said = str(error)
        else:
            if answer.status_code == 200:
                return
            said = answer.text
        time.sleep(0.05)
    raise AssertionError(f"not recorded in {seconds} s: {said}")
