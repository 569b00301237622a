"""Addresses of e-mail that not every provider carries."""

from __future__ import annotations

import pytest

from tests.api.communication.product import Served, serving
from tests.api.communication.world import World
from tests.imitations.smtp import SmtpImitation

BEYOND_ASCII = "j\u00fcrgen@example.com"
REFUSED = "Invalid email: must have ASCII characters only before the @: no configured provider carries others"


def consent(product: Served, address: str) -> str | None:
    """What is said against an address that consent is given for; None for nothing."""
    body = {"user_id": product.new_user(), "email": address, "consent_source": "web_form"}
    answer = product.api.post("/consent/email", json=body)
    error: str | None = answer.json().get("error")
    assert answer.status_code == (200 if error is None else 400)
    return error


@pytest.mark.parametrize(("utf8", "error"), [(True, None), (False, REFUSED)])
def test_a_mailbox_beyond_ascii_is_taken_where_the_mail_server_offers_it(utf8: bool, error: str | None) -> None:
    with SmtpImitation(utf8=utf8) as smtp, serving(SMTP_URL=f"smtp://{smtp.address}") as product:
        assert consent(product, BEYOND_ASCII) == error
        assert consent(product, "user@b\u00fccher.example") is None


def test_a_mailbox_beyond_ascii_is_refused_where_mail_goes_out_by_resend(world: World) -> None:
    assert consent(world.product, BEYOND_ASCII) == REFUSED
    assert consent(world.product, "user@b\u00fccher.example") is None


def test_the_sandbox_takes_every_mailbox(product: Served) -> None:
    assert consent(product, BEYOND_ASCII) is None
