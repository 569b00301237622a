"""When something is broken: health says so, requests are answered within their time, and nothing is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api import actions
from commandline.operations import retry_projection
from commands.communication.number import COOL_DOWN
from tests.api.communication.product import Served, can_send, endpoint, serving
from tests.api.communication.reports import SECRETS, twilio_form
from tests.databases import OwnServer


def healthy(product: Served) -> dict[str, Any]:
    answer = httpx2.get(f"{product.root}/communication/api/communication/health", timeout=60)
    assert answer.status_code == (200 if answer.json()["status"] == "healthy" else 503)
    found: dict[str, Any] = answer.json()
    return found


def test_a_healthy_product_says_so_to_anybody(product: Served) -> None:
    assert healthy(product) == {
        "status": "healthy",
        "services": {
            "preference_service": True,
            "analytics_service": True,
            "celery_integration": True,
            "twilio_configured": False,
            "resend_configured": False,
        },
        "timestamp": product.clock.now().isoformat().replace("+00:00", "Z"),
        "version": "1.0.0",
    }


@pytest.mark.parametrize(
    ("settings", "twilio", "resend"),
    [
        ({"TWILIO_ACCOUNT_SID": "AC1"}, False, False),
        ({"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "x", "TWILIO_FROM": "+15005550006"}, True, False),
        ({"RESEND_API_KEY": "re_1", "RESEND_FROM": "a@example.com"}, False, True),
    ],
)
def test_a_provider_counts_as_configured_when_it_can_be_used(
    settings: dict[str, str], twilio: bool, resend: bool
) -> None:
    with serving(**settings) as product:
        services = healthy(product)["services"]
    assert (services["twilio_configured"], services["resend_configured"]) == (twilio, resend)


def test_a_halted_read_model_degrades_what_it_serves_and_nothing_else() -> None:
    with serving() as product:
        user_id = product.new_user()
        product.agree(user_id)
        (table,) = product.ask(
            "select relname from pg_class where relkind = 'r' and relname like 'communication_daily%%'"
        )
        product.journal.execute(
            f"alter table read_models.{table[0]} add constraint broken check (false) not valid".encode()
        )
        task_id = product.send(user_id, "financial_alert")["task_id"]
        product.settle()
        found = healthy(product)
        assert found["status"] == "degraded"
        assert found["services"]["analytics_service"] is False
        assert found["services"]["preference_service"] is True
        assert product.status(task_id)["status"] == "SUCCESS"
        assert product.api.get(f"{product.root}/ready").json()["halted"][0]["projection"] == "communication_daily"


def text_from(product: Served, number: str, body: str) -> httpx2.Response:
    form = [("From", number), ("Body", body), ("MessageSid", f"SM-{body}")]
    report = twilio_form(f"{product.root}/communication/api/communication/webhooks/sms-opt-out", form)
    return product.api.post("/webhooks/sms-opt-out", content=report.content, headers=report.headers)


def test_a_stop_reaches_whoever_the_read_model_did_not_show_when_it_came() -> None:
    with serving(**SECRETS) as product:
        known, unseen = product.new_user(), product.new_user()
        number = product.agree(known)
        product.journal.execute(
            "alter table read_models.communication_recipients_v2 add constraint broken check (false) not valid"
        )
        product.advance(COOL_DOWN)
        product.ok("POST", "/consent/sms", {"user_id": unseen, "phone_number": number})
        product.settle()
        product.wait(lambda: healthy(product)["services"]["preference_service"] is False, "nothing has halted")
        (halt,) = product.api.get(f"{product.root}/ready").json()["halted"]
        assert "check constraint" in halt["error"]
        assert number not in halt["error"], "anybody may read this"
        assert [text_from(product, number, "STOP").status_code for _ in range(2)] == [200, 200]
        assert [reason_for(product, user) for user in (known, unseen)] == ["opted_out", "pending_verification"]
        for _ in range(20):
            product.advance(timedelta(minutes=1))  # more often than one search is tried
        assert reason_for(product, unseen) == "no_consent", "the code has expired, and nobody has opted out yet"
        product.journal.execute("alter table read_models.communication_recipients_v2 drop constraint broken")
        retry_projection(product.settings, "communication_recipients")
        product.advance(timedelta(minutes=5))
        assert reason_for(product, unseen) == "opted_out"
        assert product.events(f"recipient/{known}").count("communication.recipient.opted_out.v1") == 1


def reason_for(product: Served, user_id: int) -> str:
    reason: str = can_send(product, user_id)["reason"]
    return reason


def test_a_start_that_cannot_be_matched_to_everybody_is_not_taken_for_done() -> None:
    with serving(**SECRETS) as product:
        user_id = product.new_user()
        number = product.agree(user_id)
        product.journal.execute(
            "alter table read_models.communication_recipients_v2 add constraint broken check (false) not valid"
        )
        assert text_from(product, number, "STOP").status_code == 200
        product.ok("PUT", f"/preferences/{user_id}", {"frequency_preference": "daily"})
        product.wait(lambda: healthy(product)["services"]["preference_service"] is False, "nothing has halted")
        answer = text_from(product, number, "START")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert reason_for(product, user_id) == "explicit_consent", "whom it still shows is told all the same"


def test_a_code_is_asked_for_where_a_halted_read_model_shows_a_number_that_is_not_the_persons_any_more() -> None:
    with serving() as product:
        user_id = product.new_user()
        number = product.agree(user_id)
        product.advance(COOL_DOWN)
        body = {"user_id": user_id, "phone_number": "+15551239876"}
        product.ok("POST", "/consent/sms", body)
        code = product.code_of(user_id)
        product.journal.execute(
            "alter table read_models.communication_recipients_v2 add constraint broken check (false) not valid"
        )
        product.ok("POST", "/consent/sms/verify", {"phone_number": body["phone_number"], "verification_code": code})
        product.advance(COOL_DOWN)
        for _ in range(2):
            answer = product.ok("POST", "/consent/sms", body | {"phone_number": number}, **{"Idempotency-Key": "back"})
            assert answer["verification_required"] is True


def test_what_was_not_seen_is_not_overwritten_while_the_read_model_has_halted() -> None:
    with serving() as product:
        path = f"/preferences/{product.new_user()}"
        product.ok("PUT", path, {"frequency_preference": "daily"})
        product.journal.execute(
            "alter table read_models.communication_recipients_v2 add constraint broken check (false) not valid"
        )
        product.ok("PUT", path, {"frequency_preference": "monthly", "alert_types_sms": {"monthly_report": False}})
        product.wait(lambda: healthy(product)["services"]["preference_service"] is False, "nothing has halted")
        seen = product.api.get(path)
        assert seen.json()["preferences"]["frequency_preference"] == "monthly"
        again = product.ok("PUT", path, {"frequency_preference": "monthly"})
        assert again["preferences"] == seen.json()["preferences"], "what changes nothing answers what holds"
        based_on_that = product.api.put(
            path, json={"alert_types_sms": {"monthly_report": True}}, headers={"If-Match": seen.headers["etag"]}
        )
        assert based_on_that.status_code == 200
        assert product.api.get(path).json()["preferences"]["alert_types_sms"] == {"monthly_report": True}


def test_what_nobody_foresaw_is_500_with_an_id_and_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as product:
        for table in ("recipients", "deliveries", "messages", "daily"):
            product.journal.execute(f"alter table read_models.communication_{table} rename to moved_{table}".encode())
        for method, path in (
            ("GET", "/optimal-send-time?user_id=1"),
            ("GET", "/analytics/user/1"),
            ("GET", "/analytics/summary"),
            ("GET", "/reports/trends"),
            ("GET", f"/status/{'0' * 32}"),
        ):
            answer = product.api.request(method, path)
            assert answer.status_code == 500
            body = answer.json()
            assert (body["success"], body["error"]) == (False, "Internal server error")
            assert body["details"].startswith("error id ")
            assert "read_models" not in answer.text
            assert body["details"].removeprefix("error id ") in caplog.text


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    """A database server that the test may stop and start."""
    own = OwnServer(tmp_path / "postgres")
    yield own
    own.leave()


@pytest.mark.faults
def test_while_the_database_is_away_requests_are_503_and_all_goes_on_afterwards(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "DEADLINE_SECONDS", 1.0)
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        product = stack.enter_context(Served(server.dsn, data, {}).running())
        user_id = product.new_user()
        product.agree(user_id)
        product.settle()
        server.stop()
        body = endpoint("send")["request_example"] | {"user_id": user_id}
        for answer in (
            product.api.post("/send", json=body),
            product.api.get(f"/preferences/{user_id}"),
            product.api.get("/analytics/summary"),
            product.api.post("/batch", json={"communications": [body]}),
        ):
            assert answer.status_code == 503, answer.text
            assert answer.json()["success"] is False
            assert int(answer.headers["retry-after"]) >= 1
        assert healthy(product)["services"] == {
            "preference_service": False,
            "analytics_service": False,
            "celery_integration": False,
            "twilio_configured": False,
            "resend_configured": False,
        }
        assert product.api.get(f"{product.root}/metrics").status_code in (200, 503)
        assert product.api.get(f"{product.root}/ready").status_code == 503
        server.start()
        product.wait(lambda: healthy(product)["status"] == "healthy", "health did not come back")
        assert product.api.post("/send", json=body).status_code == 200
