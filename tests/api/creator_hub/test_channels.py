"""Channels over HTTP: what they show, how they are changed, and that no credential leaves the vault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.api.creator_hub.creator import CREDENTIALS, WHATSAPP, Creator
from tests.imitations.telegram import BOT_TOKEN
from tests.imitations.whatsapp import ACCESS_TOKEN

TABLES = """
    select table_schema || '.' || table_name from information_schema.tables
     where table_schema in ('headwater', 'read_models') and table_type = 'BASE TABLE'
"""


def holding(creator: Creator, text: str) -> list[str]:
    """The tables in which a text stands in clear."""
    tables = [table for (table,) in creator.product.ask(TABLES)]
    found = {
        table: creator.product.ask(
            f"select count(*) from {table} t where position(%s in t::text) > 0"
            f" or position(encode(%s::bytea, 'hex') in t::text) > 0",
            text,
            text.encode(),
        )
        for table in tables
    }
    return [table for table, counted in found.items() if counted != [(0,)]]


def shown(creator: Creator, channel_id: str) -> dict[str, Any]:
    return next(one for one in creator.channels() if one["id"] == channel_id)


def test_a_channel_shows_no_credential_and_where_its_provider_calls(creator: Creator) -> None:
    body = {"channel_type": "whatsapp", "channel_name": "WhatsApp Business", "configuration": WHATSAPP}
    made = creator.ok("POST", "/channels", body)
    address = f"{creator.product.root}/creator-hub/webhooks/whatsapp/{made['id']}"
    assert made["configuration"] == {"phone_number": WHATSAPP["phone_number"], "webhook_url": address}
    assert (made["status"], made["status_reason"]) == ("pending_verification", None)
    assert shown(creator, made["id"])["configuration"] == made["configuration"]


def test_credentials_are_nowhere_in_clear(creator: Creator) -> None:
    nested = {"bots": [{"token": BOT_TOKEN}], "api_key": ACCESS_TOKEN}
    id_ = creator.whatsapp(gateway=nested)
    creator.ok("PUT", f"/channels/{id_}", {"configuration": {"app_secret": BOT_TOKEN}})
    creator.channel("telegram", bot_token=BOT_TOKEN)
    assert shown(creator, id_)["configuration"]["gateway"] == {"bots": [{}]}
    assert {text: holding(creator, text) for text in CREDENTIALS} == {text: [] for text in CREDENTIALS}
    assert holding(creator, str(WHATSAPP["phone_number"]))  # what is no credential is found that way


def test_keys_are_merged_and_null_removes_one(creator: Creator) -> None:
    id_ = creator.channel(widget_color="#007bff", welcome_message="Hello")
    patch = {"widget_color": None, "cite_sources": True}
    changed = creator.ok("PUT", f"/channels/{id_}", {"channel_name": "New", "configuration": patch})
    assert changed["configuration"] == {"welcome_message": "Hello", "cite_sources": True}
    assert (changed["channel_name"], changed["status"]) == ("New", "active")
    assert changed["updated_at"] >= changed["created_at"]


def test_what_a_form_sends_back_changes_nothing(creator: Creator) -> None:
    id_ = creator.whatsapp()
    creator.product.settle()
    before = creator.product.events(f"channel/{creator.subject}/{id_}")
    form = {"access_token": "", "phone_number": WHATSAPP["phone_number"], "webhook_url": "https://evil.example.com"}
    changed = creator.ok("PUT", f"/channels/{id_}", {"configuration": form})
    assert changed["configuration"] == shown(creator, id_)["configuration"]
    assert "evil" not in str(changed)
    assert creator.product.events(f"channel/{creator.subject}/{id_}") == before


@pytest.mark.parametrize(
    ("type_", "configuration", "reason"),
    [
        ("whatsapp", {}, "missing: access_token, webhook_verify_token"),
        ("telegram", {}, "missing: bot_token"),
        ("web", {}, None),
        ("mobile", {}, None),
    ],
)
def test_a_channel_says_what_it_lacks(
    creator: Creator, type_: str, configuration: Mapping[str, object], reason: str | None
) -> None:
    assert shown(creator, creator.channel(type_, **configuration))["status_reason"] == reason


def test_a_known_key_of_another_type_is_refused(creator: Creator) -> None:
    body = {"channel_type": "web", "channel_name": "W", "configuration": {"ai_replies": "yes", "widget_color": 7}}
    error = creator.refused(422, "POST", "/channels", body)
    assert {one["field"] for one in error["details"]} == {"configuration.ai_replies", "configuration.widget_color"}
