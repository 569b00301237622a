"""The product between its two providers, which are imitated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2

from tests.api.communication.product import Served, can_send, serving
from tests.api.communication.reports import SECRETS, Report, resend_svix, twilio_form
from tests.imitations.resend import API_KEY, ResendImitation
from tests.imitations.twilio import ACCOUNT_SID, TwilioImitation

HOOKS = "https://hooks.example.com/communication/api/communication/webhooks"
"""The public address of the webhooks, as it is set."""


class World(NamedTuple):
    """The product between its two providers."""

    product: Served
    twilio: TwilioImitation
    resend: ResendImitation

    def person(self) -> tuple[int, str]:
        """Somebody who agrees to everything, and their number; the text with their code has been answered for."""
        user_id = self.product.new_user()
        number = self.product.agree(user_id)
        self.product.settle()
        return user_id, number

    def sent(self, user_id: int, channel: str) -> tuple[str, str]:
        """A message that has gone out: its task id and the provider's id."""
        task_id = self.product.send(user_id, channel=channel, priority="critical")["task_id"]
        self.product.settle()
        return task_id, self.product.status(task_id)["result"]["message_id"]

    def post(self, path: str, report: Report, query: str = "") -> httpx2.Response:
        """Delivers a report, as whatever stands before the product does."""
        return self.product.api.post(
            f"/webhooks/{path}{query}", content=report.content, headers=report.headers | {"Authorization": ""}
        )

    def twilio_says(self, **form: str) -> None:
        """Reports a text's status."""
        answer = self.post("twilio", twilio_form(f"{HOOKS}/twilio", list(form.items())))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text

    def text_from(self, number: str, body: str, **more: str) -> None:
        """A text comes in."""
        form = [("From", number), ("Body", body), ("MessageSid", f"SM{uuid4().hex}"), *more.items()]
        answer = self.post("sms-opt-out", twilio_form(f"{HOOKS}/sms-opt-out", form))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text

    def resend_says(self, type_: str, email_id: str, **data: Any) -> None:
        """Reports what happened to an e-mail."""
        body = {"type": type_, "created_at": "2026-01-05T09:00:00Z", "data": {"email_id": email_id} | data}
        now = int(self.product.clock.now().timestamp())
        answer = self.post("resend", resend_svix(body, f"msg_{uuid4().hex}", now))
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text

    def may_write(self, user_id: int, channel: str) -> str:
        """The reason that a consent check gives."""
        reason: str = can_send(self.product, user_id, channel=channel)["reason"]
        return reason


@contextmanager
def between_providers() -> Iterator[World]:
    """Both providers, and a product that sends by them."""
    with ExitStack() as stack:
        twilio = stack.enter_context(TwilioImitation())
        resend = stack.enter_context(ResendImitation())
        providers = {
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_FROM": "+15005550006",
            "TWILIO_BASE_URL": twilio.url,
            "TWILIO_WEBHOOK_URL": f"{HOOKS}/twilio",
            "RESEND_API_KEY": API_KEY,
            "RESEND_FROM": "headwater@example.com",
            "RESEND_BASE_URL": resend.url,
        }
        product = stack.enter_context(serving(**SECRETS, **providers))
        yield World(product, twilio, resend)
