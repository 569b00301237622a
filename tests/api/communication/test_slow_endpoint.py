"""One webhook endpoint that hangs holds up neither messages nor other endpoints."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest

from commandline.webhooks import add_webhook
from streams.work.slots import SHARE, SLOTS
from tests.api.communication.product import Served, serving
from tests.imitations.webhook_sink import WebhookSink

MESSAGES = 40


class HangingServer:
    """A receiver that takes every connection and never answers. `calls` are the connections that are open."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.calls: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for call in self.calls:
            call.close()

    def _accept(self) -> None:
        while True:
            try:
                self.calls.append(self._listener.accept()[0])
            except OSError:
                return


@pytest.fixture
def product() -> Iterator[Served]:
    with serving(HEADWATER_ALLOW_PRIVATE_WEBHOOKS="true") as running, running.hurrying():
        yield running


def test_an_endpoint_hangs_on_forty_messages_and_the_next_email_goes_out_within_a_second(product: Served) -> None:
    user, reader = product.new_user(), product.new_user()
    product.agree(user)
    product.agree(reader)
    with HangingServer() as hanging, WebhookSink() as sink:
        add_webhook(product.settings, "communication", f"{hanging.url}/hooks", ["message.sent", "message.delivered"])
        for _ in range(MESSAGES):
            product.send(user, "financial_alert")
        product.wait(lambda: len(hanging.calls) >= SHARE, "the endpoint was not called")
        product.wait(lambda: webhooks(product) > SLOTS, "there are too few webhooks")
        assert min(seconds_to_email(product, reader) for _ in range(3)) < 1.0
        endpoint, sink.secrets["/quick"] = add_webhook(
            product.settings, "communication", f"{sink.url}/quick", ["message.sent"]
        )
        before = len(hanging.calls)
        product.send(user, "financial_alert")
        product.wait(lambda: len(sink.journal.received) >= 1, f"{endpoint} was not called")
        assert len(hanging.calls) <= before + 2, "it was not called because the other endpoint's calls had ended"


def webhooks(product: Served) -> int:
    """Webhooks that wait or are under way; two a message, so more than all slots together once were."""
    return int(product.ask("select count(*) from headwater.tasks where name = 'deliver_webhook.v1'")[0][0])


def seconds_to_email(product: Served, user_id: int) -> float:
    began, before = time.monotonic(), len(product.outbox(user_id, "email"))
    product.send(user_id, "monthly_report", channel="email")
    product.wait(lambda: len(product.outbox(user_id, "email")) > before, "the e-mail did not go out")
    return time.monotonic() - began
