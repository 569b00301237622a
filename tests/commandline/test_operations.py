"""The `headwater` command as an operator and an auditor use it, on one running product."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import pytest

from cli import main
from streams.core.wiring import SubjectErased
from streams.postgres.database import connect_plain
from streams.postgres.server import start_embedded
from tests.faults.product import CLI, Product

API = "/communication/api/communication"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    variables = {"HEADWATER_CLOCK": "manual", "HEADWATER_ALLOW_PRIVATE_WEBHOOKS": "true"}
    running = Product(tmp_path_factory.mktemp("operating") / "data", **variables)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(product: Product) -> Iterator[httpx2.Client]:
    token = product.token("communication_sending=1000/min", "general=1000/min")
    with httpx2.Client(base_url=product.url + API, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        yield client


def fails(product: Product, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command that must fail says, on one line and without a trace. Run in this process, as that is quicker."""
    argv = patch.object(sys, "argv", ["headwater", *arguments])
    with patch.dict(os.environ, product.environment), argv, pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code not in (0, None)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return " ".join(said.split())


@pytest.mark.parametrize(
    "command", ["status", "audit verify", "projection list", "erase communication:1", "keys backup x"]
)
def test_a_database_that_does_not_answer_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    nowhere = Product(tmp_path / "data", HEADWATER_POSTGRES="postgresql://127.0.0.1:1/none")
    assert "headwater: PostgreSQL does not answer: " in fails(nowhere, capsys, *command.split())


def ask(client: httpx2.Client, user_id: int, **more: Any) -> str:
    consent = {"user_id": user_id, "email": f"user{user_id}@example.com"}
    assert client.post("/consent/email", json=consent).status_code == 200
    body = {"user_id": user_id, "trigger_type": "monthly_report", "data": {"month": "May"}, "channel": "email"} | more
    answer = client.post("/send", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["task_id"])


def until_sent(product: Product, client: httpx2.Client, task_id: str) -> dict[str, Any]:
    """The status once nothing is due any more."""
    product.run("clock", "advance", "1s")
    answer: dict[str, Any] = client.get(f"/status/{task_id}").json()
    return answer


def test_a_start_whose_output_is_kept_shows_no_token(product: Product) -> None:
    printed = (product.data.parent / "product.log").read_text()
    assert "Headwater serves at" in printed
    assert "first-request communication" in printed
    assert "eyJ" not in printed


def test_the_first_request_of_a_surface_has_a_token_that_is_on_record(product: Product) -> None:
    printed = product.run("first-request", "content-generator")
    assert f"{product.url}/content-generator/api" in printed
    assert "eyJ" in printed
    assert "newcomer" in product.run("keys", "list", "content-generator")


def test_keys_issue_prints_one_token_and_nothing_else(product: Product) -> None:
    printed = product.run("keys", "issue", "communication", "--subject", "ana", "--scope", "communication:read")
    assert printed.count("\n") == 1
    assert printed.count(".") == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("keys", "issue", "nowhere"), "there is no surface 'nowhere'"),
        (("first-request", "nowhere"), "there is no surface 'nowhere'"),
        (("keys", "issue", "communication", "--scope", "fly"), "communication has no scope fly"),
        (("keys", "issue", "communication", "--limit", "general=lots"), "a limit reads CLASS=N/min"),
        (("keys", "issue", "communication", "--limit", "flying=9/min"), "no limit class 'flying'"),
        (("projection", "rebuild", "nothing"), "there is no read model 'nothing'"),
        (("projection", "rebuild", "communication_reactions"), "makes tasks"),
        (("projection", "swap", "communication_daily"), "has no rebuilt table"),
        (("projection", "retry", "communication_daily"), "has not halted"),
        (("clock", "advance", "soon"), "a duration reads 30s, 15m, 2h or 3d"),
        (("erase", "everybody"), "a subject reads context:id"),
        (("audit", "why", "because"), "is neither a position"),
        (("api",), "which PostgreSQL?"),
        (("topics", "check"), "which Kafka?"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    product: Product, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str
) -> None:
    assert reason in fails(product, capsys, *arguments)


def test_a_second_process_on_the_same_data_is_refused(product: Product) -> None:
    second = subprocess.run([*CLI, "up", "--port", "0"], env=product.environment, capture_output=True, check=False)
    assert second.returncode == 1
    assert b"Traceback" not in second.stderr
    assert b"another headwater process is using this data" in b" ".join(second.stderr.split())


def test_the_clock_moves_only_when_told_and_then_what_is_due_is_done(product: Product, client: httpx2.Client) -> None:
    now = datetime.fromisoformat(product.run("clock", "advance", "0s").strip())
    task_id = ask(client, 1, scheduled_time=(now + timedelta(hours=2)).isoformat())
    assert client.get(f"/status/{task_id}").json()["status"] == "PENDING"
    product.run("clock", "advance", "1h")
    assert client.get(f"/status/{task_id}").json()["status"] == "PENDING"
    product.run("clock", "advance", "1h")
    assert until_sent(product, client, task_id)["status"] == "SUCCESS"


def test_a_read_model_is_rebuilt_swapped_and_the_old_one_dropped(product: Product, client: httpx2.Client) -> None:
    task_id = ask(client, 2)
    product.run("projection", "rebuild", "communication_messages")
    product.run("projection", "swap", "communication_messages")
    assert client.get(f"/status/{task_id}").status_code == 200
    product.run("projection", "drop", "communication_messages")
    report = json.loads(product.run("status", "--json"))
    tables = [row["table"] for row in report["projections"] if row["name"] == "communication_messages"]
    assert tables == ["read_models.communication_messages_v1_1"]
    assert client.get(f"/status/{ask(client, 2)}").status_code == 200


def test_an_auditor_verifies_asks_why_and_takes_the_log_away(
    product: Product, client: httpx2.Client, tmp_path: Path
) -> None:
    task_id = ask(client, 3)
    assert until_sent(product, client, task_id)["status"] == "SUCCESS"
    product.run("audit", "verify")
    product.run("audit", "replay")
    explanation = client.get(f"/status/{task_id}/explanation").json()
    last = explanation["history"][-1]["event"]["event_id"]
    product.run("audit", "why", last)
    rows = [json.loads(line) for line in product.run("audit", "as-of", "communication_messages", "now").splitlines()]
    assert task_id in {row["message_id"] for row in rows}
    product.run("audit", "export", str(tmp_path / "export"))
    verifier = [sys.executable, "-I", str(tmp_path / "export" / "verify_export.py"), str(tmp_path / "export")]
    assert subprocess.run(verifier, check=False, capture_output=True).returncode == 0


def test_an_erased_person_is_gone_from_read_models_and_the_history_still_verifies(
    product: Product, client: httpx2.Client
) -> None:
    until_sent(product, client, ask(client, 4))
    assert "user4@example.com" in outbox(product)
    product.run("erase", "communication:4")
    until = time.monotonic() + 60
    while "user4@example.com" in outbox(product):
        assert time.monotonic() < until, "the sandbox still has the message"
        time.sleep(0.02)
    assert "user4@example.com" not in product.run("audit", "subject", "communication:4", "--personal")
    assert "user4@example.com" not in product.run("audit", "as-of", "communication_recipients", "now", "--personal")
    product.run("audit", "verify")
    again = client.post("/consent/email", json={"user_id": 4, "email": "user4@example.com"})
    assert again.status_code == 400
    assert "erased" in again.json()["error"]


def test_erasing_reaches_every_key_that_has_records_about_the_person(product: Product, client: httpx2.Client) -> None:
    endpoint, *_ = product.run("webhook", "add", "communication", "http://127.0.0.1:9/hook").split()
    until_sent(product, client, ask(client, 6))
    keys = {"6"}
    until = time.monotonic() + 60
    while keys != {"6", endpoint}:
        assert time.monotonic() < until, f"no webhook is queued for {endpoint}"
        keys = {key for key, _ in records_about(product, "communication:6")}
    product.run("erase", "communication:6")
    erased = {key for key, name in records_about(product, "communication:6") if name == SubjectErased.name}
    assert erased == {"6", endpoint}


def records_about(product: Product, subject: str) -> set[tuple[str, str]]:
    """The partition keys and names of the records that name a person."""
    with connect_plain(start_embedded(product.data / "postgres")) as connection:
        rows = connection.execute("select key, name from headwater.journal where subject = %s", (subject,))
        return {(key, name) for key, name in rows}


@pytest.mark.parametrize("command", ["replay", "subject communication:4 --personal"])
def test_an_auditor_with_another_master_key_is_told_so(
    product: Product, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    with patch.dict(product.environment, {"HEADWATER_MASTER_KEY": "ab" * 32}):
        assert "encrypted under another master key" in fails(product, capsys, "audit", *command.split())


def outbox(product: Product) -> str:
    """All that the sandbox has written."""
    return "".join(path.read_text() for path in (product.data / "outbox").iterdir())


def test_live_figures_count_what_happened(product: Product, client: httpx2.Client) -> None:
    until_sent(product, client, ask(client, 5))
    windows = httpx2.get(f"{product.url}/live", timeout=60).json()["windows"]
    lines = [line for window in windows for line in window["lines"]]
    assert any(line["type"] == "communication.message.delivered.v1" and line["channel"] == "email" for line in lines)


def test_metrics_and_readiness_are_served(product: Product) -> None:
    assert httpx2.get(f"{product.url}/ready", timeout=60).json()["ready"] is True
    assert "headwater_commands_total" in httpx2.get(f"{product.url}/metrics", timeout=60).text
    assert httpx2.get(f"{product.url}/nowhere", timeout=60).status_code == 404


NOT_READABLE = """
    insert into headwater.tasks (id, context, kind, due_at, name, body, correlation_id, event_id)
    values ('7ad3bb34-6a29-4b3a-8ef4-5f2f3b3f7c11', 'communication', 'timer', '1970-01-01Z', 'communication.none.v1',
            '{}', gen_random_uuid(), gen_random_uuid())
"""


def test_a_task_that_cannot_go_on_is_shown_and_goes_on_when_it_is_retried(
    product: Product,
) -> None:
    with connect_plain(start_embedded(product.data / "postgres")) as connection:
        connection.execute(NOT_READABLE)
        product.run("clock", "advance", "1s")
        (kept,) = httpx2.get(f"{product.url}/ready", timeout=60).json()["kept_tasks"]
        assert (kept["name"], kept["state"]) == ("communication.none.v1", "unreadable")
        gauge = 'headwater_tasks{context="communication",kind="timer",state="unreadable"} 1.0'
        assert gauge in httpx2.get(f"{product.url}/metrics", timeout=60).text
        status = subprocess.run([*CLI, "status"], env=product.environment, capture_output=True, text=True, check=False)
        assert status.returncode == 3
        assert "timer communication.none.v1 7ad3bb34-6a29-4b3a-8ef4-5f2f3b3f7c11 is unreadable" in " ".join(
            status.stdout.split()
        )
        assert "1 task goes on" in product.run("tasks", "retry")
        product.run("clock", "advance", "1s")
        assert json.loads(_status(product))["kept_tasks"][0]["error"] == "it cannot be read: UnknownName"
        connection.execute("delete from headwater.tasks where name = 'communication.none.v1'")
        assert json.loads(product.run("status", "--json"))["kept_tasks"] == []


def _status(product: Product) -> str:
    done = subprocess.run([*CLI, "status", "--json"], env=product.environment, capture_output=True, check=False)
    return done.stdout.decode()
