"""The product when its own database is killed, cannot be started again, or its port is taken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.product import CLI, Product
from tests.streams.postgres.server_users import await_, server_pid

pytestmark = pytest.mark.faults
SEND = "/communication/api/communication"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    running = Product(tmp_path / "data")
    running.start()
    yield running
    running.stop()


def ready(product: Product) -> tuple[int, Any]:
    answer = httpx2.get(f"{product.url}/ready", timeout=30)
    return answer.status_code, answer.json().get("database")


def test_a_database_that_is_killed_is_started_again_and_ready_says_so_meanwhile(
    product: Product, tmp_path: Path
) -> None:
    """A wait for a file of an archive stands for a recovery that takes its time."""
    postgres, arrived = product.data / "postgres", tmp_path / "arrived"
    with (postgres / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"restore_command = 'until test -e {arrived}; do sleep 0.05; done; false'\nhot_standby = off\n")
    (postgres / "recovery.signal").touch()
    os.chown(postgres / "recovery.signal", postgres.stat().st_uid, postgres.stat().st_gid)
    killed = server_pid(postgres)
    os.kill(killed, signal.SIGKILL)
    await_(lambda: ready(product) == (503, False), "it is still ready")
    assert httpx2.get(f"{product.url}/health", timeout=30).status_code == 200
    arrived.touch()
    await_(lambda: ready(product) == (200, True), "it does not come back")
    assert server_pid(postgres) != killed
    headers = {"Authorization": f"Bearer {product.token()}"}
    consent = {"user_id": 1, "email": "user1@example.com"}
    answer = httpx2.post(f"{product.url}{SEND}/consent/email", json=consent, headers=headers, timeout=60)
    assert answer.status_code == 200


def test_a_database_that_cannot_be_started_again_ends_the_product_with_a_sentence(tmp_path: Path) -> None:
    product = Product(tmp_path / "data")
    product.start()
    postgres = product.data / "postgres"
    (postgres / "PG_VERSION").write_text("16\n")
    os.kill(server_pid(postgres), signal.SIGKILL)
    assert product.process is not None
    assert product.process.wait(60) == 1
    assert "is of PostgreSQL 16" in " ".join(product.log().split())
    assert "\nTraceback" not in product.log()


def test_where_the_port_is_taken_nothing_is_printed_and_no_database_is_made(tmp_path: Path) -> None:
    product = Product(tmp_path / "data")
    with socket.create_server(("127.0.0.1", product.port)):
        done = subprocess.run([*CLI, "up"], env=product.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"could not listen on 127.0.0.1:{product.port}: is the port taken?" in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert not (product.data / "postgres").exists()
