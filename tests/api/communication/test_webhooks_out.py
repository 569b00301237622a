"""Others are told what becomes of messages: signed, once, in spite of failures, and what they missed when they ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import NamedTuple

import pytest

from commandline import Stop
from commandline.webhooks import add_webhook, disable_webhook, enable_webhook, list_webhooks, recover_webhook
from domain.communication.webhooks import TYPES
from domain.webhooks import WebhookEndpointRegistered
from tests.api.communication.product import NAME, Served, serving
from tests.imitations import Received, failing
from tests.imitations.webhook_sink import SECRET, WebhookSink


class Telling(NamedTuple):
    """A product, a receiver with a registered endpoint that checks every signature, and one whose is a setting."""

    product: Served
    sink: WebhookSink
    endpoint: str
    user: int
    setting: WebhookSink

    def sent(self) -> str:
        task_id: str = self.product.send(self.user, "financial_alert")["task_id"]
        self.product.settle()
        return task_id

    def told(self, task_id: str) -> list[str]:
        """The types of events that arrived about a message; in what order they do is not promised."""
        received = [message for message in self.sink.journal.received if about(message) == task_id]
        return sorted(message.content["type"] for message in received)

    def status(self, task_id: str) -> list[str]:
        """Where this message's webhooks stand."""
        rows = self.product.ask(
            "select w.status from read_models.communication_webhooks w join headwater.journal j"
            "  on j.stream = 'webhook/' || w.webhook_id and j.version = 1"
            " join headwater.journal m on m.event_id = j.causation_id"
            " where m.stream = %s and w.endpoint_id = %s order by 1",
            f"message/{task_id}",
            self.endpoint,
        )
        return [row[0] for row in rows]

    def position(self, task_id: str, name: str) -> str:
        """Where this event of a message is in the log, as its webhook says."""
        ((partition, sequence),) = self.product.ask(
            "select partition, sequence from headwater.journal where stream = %s and name = %s",
            f"message/{task_id}",
            name,
        )
        return f"communication/{partition}/{sequence}"

    def until(self, task_id: str, *statuses: str) -> None:
        """Returns once this message's webhooks stand so."""
        self.product.wait(lambda: self.status(task_id) == sorted(statuses), f"not {statuses}")


HIDDEN = "/hidden-path?token=hidden-query"
"""What of an address may be secret."""

WANTED = ("message.sent", "message.delivered", "message.action_taken")


def register(product: Served, sink: WebhookSink, path: str, *types: str) -> str:
    """Registers a path of the receiver, which is given the secret; the endpoint's id."""
    endpoint, sink.secrets[path] = add_webhook(product.settings, "communication", f"{sink.url}{path}", types)
    return endpoint


def about(message: Received) -> str:
    task_id: str = message.content["data"]["task_id"]
    return task_id


@pytest.fixture(scope="module")
def telling() -> Iterator[Telling]:
    with ExitStack() as stack:
        sink, setting = (stack.enter_context(WebhookSink()) for _ in range(2))
        product = stack.enter_context(
            serving(
                HEADWATER_ALLOW_PRIVATE_WEBHOOKS="true",
                COMMUNICATION_WEBHOOK_URL=f"{setting.url}{HIDDEN}",
                COMMUNICATION_WEBHOOK_SECRET=SECRET,
            )
        )
        stack.enter_context(product.hurrying())
        user_id = product.new_user()
        product.agree(user_id)
        yield Telling(product, sink, register(product, sink, "/hooks", *WANTED), user_id, setting)


def test_an_endpoint_is_told_what_it_wants_signed_and_without_personal_values(telling: Telling) -> None:
    task_id = telling.sent()
    telling.until(task_id, "delivered", "delivered")
    assert telling.told(task_id) == ["message.delivered", "message.sent"]
    message = next(one for one in telling.sink.journal.received if about(one) == task_id)
    assert message.to == "/hooks"
    assert message.content["timestamp"] == telling.product.clock.now().isoformat().replace("+00:00", "Z")
    assert (
        message.content["data"].items()
        >= {
            "task_id": task_id,
            "user_id": telling.user,
            "channel": "sms",
            "trigger_type": "financial_alert",
            "provider": "sandbox",
        }.items()
    )
    assert message.content["data"]["position"].startswith("communication/")
    assert "+1555" not in json.dumps(message.content)


def test_what_an_endpoint_did_not_ask_for_it_is_not_told(telling: Telling) -> None:
    task_id = telling.sent()
    telling.product.ok("POST", f"/status/{task_id}/action", {"action": "viewed_forecast"})
    telling.until(task_id, "delivered", "delivered", "delivered")
    assert telling.told(task_id) == ["message.action_taken", "message.delivered", "message.sent"]
    register(telling.product, telling.sink, "/other", "message.clicked")
    silent = telling.sent()
    telling.until(silent, "delivered", "delivered")
    assert {message.to for message in telling.sink.journal.received} == {"/hooks"}


def test_a_receiver_that_fails_is_told_again_later_and_recognises_repeats(telling: Telling) -> None:
    telling.sink.behave(failing(500, recorded=True))
    task_id = telling.sent()
    again = "select 1 from read_models.communication_webhooks where code = 'http_500' and resume_at is not null"
    telling.product.wait(lambda: telling.product.ask(again) != [], "no second attempt is planned")
    telling.product.advance(timedelta(seconds=5))
    telling.until(task_id, "delivered", "delivered")
    ids = [one.headers["webhook-id"] for one in telling.sink.journal.received if about(one) == task_id]
    assert len(ids) == 3
    assert len(set(ids)) == 2


def test_what_a_disabled_endpoint_misses_is_held_until_it_is_recovered(telling: Telling) -> None:
    disable_webhook(telling.product.settings, "communication", telling.endpoint)
    first = telling.sent()
    telling.until(first, "held", "held")
    second = telling.sent()
    telling.until(second, "held", "held")
    assert telling.told(first) == telling.told(second) == []
    enable_webhook(telling.product.settings, "communication", telling.endpoint)
    position = telling.position(first, "communication.message.delivered.v1")
    assert recover_webhook(telling.product.settings, "communication", telling.endpoint, position) == 2
    telling.until(second, "delivered", "delivered")
    assert telling.status(first) == ["held", "held"]
    assert recover_webhook(telling.product.settings, "communication", telling.endpoint, None) == 2
    telling.until(first, "delivered", "delivered")
    assert recover_webhook(telling.product.settings, "communication", telling.endpoint, None) == 0
    assert telling.told(first) == ["message.delivered", "message.sent"]


def test_a_receiver_that_answers_410_is_disabled_and_shown_so(
    telling: Telling, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = register(telling.product, telling.sink, "/gone")
    telling.sink.behave(failing(410, to="/gone", times=None))
    telling.sent()
    health = "select health from read_models.communication_webhook_endpoints where endpoint_id = %s"
    telling.product.wait(lambda: telling.product.ask(health, endpoint) == [("disabled",)], "it was not disabled")
    list_webhooks(telling.product.settings, "communication")
    shown = capsys.readouterr().out
    assert f"{endpoint}  disabled (the receiver answered 410" in shown
    assert f"{telling.endpoint}  enabled\n  {telling.sink.url}/hooks" in shown
    telling.sink.journal.behave_well()
    assert register(telling.product, telling.sink, "/gone", "message.clicked") == endpoint
    telling.product.wait(lambda: telling.product.ask(health, endpoint) == [("enabled",)], "it was not enabled")


def test_the_endpoint_that_is_a_setting_is_told_every_type_of_event(telling: Telling) -> None:
    task_id = telling.sent()
    telling.product.ok("POST", f"/status/{task_id}/action", {"action": "viewed_forecast"})
    told = telling.setting.journal
    telling.product.wait(lambda: sum(about(one) == task_id for one in told.received) >= 3, "it was not told")
    found = [one for one in told.received if about(one) == task_id]
    assert sorted(one.content["type"] for one in found) == ["message.action_taken", "message.delivered", "message.sent"]
    assert {one.to for one in found} == {"/hidden-path"}
    rows = "select url, origin, types from read_models.communication_webhook_endpoints where endpoint_id = %s"
    assert telling.product.ask(rows, NAME) == [("", telling.setting.url, list(dict.fromkeys(TYPES.values())))]


def test_the_address_of_the_endpoint_that_is_a_setting_stays_out_of_the_database(telling: Telling) -> None:
    tables = telling.product.ask(
        "select format('%%I.%%I', schemaname, tablename) from pg_tables"
        " where schemaname in ('headwater', 'read_models')"
    )
    assert ("headwater.journal",) in tables
    for (table,) in tables:
        rows = telling.product.ask(f"select t::text from {table} t")
        assert not [row for row in rows if "hidden" in row[0] or b"hidden".hex() in row[0]], table
    recorded = telling.product.ask("select name from headwater.journal where stream = %s", f"outlet/{NAME}")
    assert (WebhookEndpointRegistered.name,) in recorded


def test_nobody_is_told_what_happened_before_they_came(telling: Telling) -> None:
    old = telling.sent()
    telling.product.advance(timedelta(seconds=1))
    register(telling.product, telling.sink, "/late", "message.delivered")
    new = telling.sent()
    arrived = telling.sink.journal
    telling.product.wait(
        lambda: ("/late", new) in {(one.to, about(one)) for one in arrived.received}, "it was not told"
    )
    assert ("/late", old) not in {(one.to, about(one)) for one in arrived.received}


def test_the_secret_is_nowhere_in_the_database(telling: Telling) -> None:
    _, secret = add_webhook(
        telling.product.settings, "communication", f"{telling.sink.url}/hooks", list(TYPES.values())
    )
    found = telling.product.ask(
        "select count(*) from headwater.journal where convert_from(data, 'UTF8') like %s", f"%{secret[6:30]}%"
    )
    assert found == [(0,)]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "https://localhost/x", "http://[::1]/x", "http://10.0.0.1"])
def test_an_address_that_would_never_be_called_is_not_registered(telling: Telling, url: str) -> None:
    settings = telling.product.settings.model_copy(update={"allow_private_webhooks": False})
    with pytest.raises(Stop, match="not public, so it will never be called"):
        add_webhook(settings, "communication", url, [])


def test_the_list_says_why_nothing_arrives(telling: Telling, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = register(telling.product, telling.sink, "/broken")
    telling.sink.behave(failing(500, to="/broken", times=None))
    task_id = telling.sent()
    stands = "select 1 from read_models.communication_webhooks where endpoint_id = %s and reason is not null"
    telling.product.wait(lambda: bool(telling.product.ask(stands, endpoint)), f"{task_id} was told to {endpoint}")
    disable_webhook(telling.product.settings, "communication", endpoint)
    telling.sent()
    held = "select 1 from read_models.communication_webhooks where endpoint_id = %s and status = 'held'"
    telling.product.wait(lambda: bool(telling.product.ask(held, endpoint)), "nothing is held")
    list_webhooks(telling.product.settings, "communication")
    shown = capsys.readouterr().out.partition(endpoint)[2].partition("\nep_")[0]
    assert "on their way" in shown
    assert f"missed: headwater webhook recover communication {endpoint}" in shown
    assert "the latest failure: the receiver answered 500" in shown
    telling.sink.journal.behave_well()


def test_what_cannot_be_is_refused_in_a_sentence(telling: Telling) -> None:
    settings = telling.product.settings
    for surface, url, types in (
        ("gccp", "https://example.com", []),
        ("communication", "ftp://example.com", []),
        ("communication", "example.com", []),
        ("communication", "https://example.com", ["message.read"]),
    ):
        with pytest.raises(Stop):
            add_webhook(settings, surface, url, types)
    with pytest.raises(Stop, match="no endpoint is called"):
        disable_webhook(settings, "communication", "ep_unknown")
    untold = telling.position(telling.sent(), "communication.message.requested.v1")
    with pytest.raises(Stop, match="was told nothing about"):
        recover_webhook(settings, "communication", telling.endpoint, untold)
    with pytest.raises(Stop, match="a position reads"):
        recover_webhook(settings, "communication", telling.endpoint, "yesterday")
