"""WhatsApp's webhooks: its documented examples, and anything else that may come."""

from __future__ import annotations

import base64
import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.chat_updates import ChatMessage, ChatReport, ReportStatus
from connectors.whatsapp import mark_of
from connectors.whatsapp_updates import whatsapp_updates
from tests.connectors.any_json import assert_storable, json_with
from tests.imitations.whatsapp import PHONE_NUMBER, PHONE_NUMBER_ID, call_of, incoming, report

ID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA="
PERSON = "16505551234"

DOCUMENTED = """
{"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{"value": {
    "messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
    "contacts": [{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}],
    "messages": [{"from": "16505551234", "id": "%s", "timestamp": "1749416383", "type": "text",
                  "text": {"body": "Does it come in another color?"}}]
}, "field": "messages"}]}]}
"""
FAILED = """
{"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{"value": {
    "messaging_product": "whatsapp",
    "metadata": {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"},
    "statuses": [{"id": "%s", "status": "failed", "timestamp": "1750263773", "recipient_id": "16505551234",
                  "biz_opaque_callback_data": "creator/message-1/2",
                  "errors": [{"code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
                              "error_data": {"details": "Message to +1 650 555 1234 failed to send because more than
                              24 hours have passed"}, "href": "https://developers.facebook.com/"}]}]
}, "field": "messages"}]}]}
"""


def messages_of(body: bytes) -> list[ChatMessage]:
    return [update for update in whatsapp_updates(body) if isinstance(update, ChatMessage)]


def reports_of(body: bytes) -> list[ChatReport]:
    return [update for update in whatsapp_updates(body) if isinstance(update, ChatReport)]


def sent(kind: str, content: object = None, **more: object) -> bytes:
    """A call with a message of that kind."""
    message = {"from": PERSON, "id": ID, "timestamp": "1749416383", "type": kind, kind: content}
    return call_of({"messages": [message | more]})


def test_a_documented_message_is_read_whole() -> None:
    assert whatsapp_updates((DOCUMENTED % ID).encode()) == [
        ChatMessage(
            id=mark_of(ID),
            address=PERSON,
            name="Sheena Nelson",
            kind="text",
            text="Does it come in another color?",
            at=datetime(2025, 6, 8, 20, 59, 43, tzinfo=UTC),
            language=None,
            account="106540352242922",
        )
    ]


def test_a_documented_failure_is_read_whole() -> None:
    [found] = reports_of((FAILED % ID).replace("\n", " ").encode())
    assert (found.status, found.provider_id) == (ReportStatus.FAILED, mark_of(ID))
    assert (found.reference, found.part, found.code) == ("creator/message-1", 2, "window_closed")
    assert found.reason.startswith("Message to [number] failed to send")
    assert (found.at, found.account) == (datetime(2025, 6, 18, 16, 22, 53, tzinfo=UTC), PHONE_NUMBER_ID)


def test_every_entry_change_message_and_report_counts_in_its_order() -> None:
    two = incoming("one")
    two["messages"] += incoming("two", from_="4915112345678")["messages"]
    two["statuses"] = report("sent")["statuses"] + report("delivered")["statuses"]
    updates = whatsapp_updates(call_of(two, incoming("three"), report("read", "r/1")))
    told = [update.text if isinstance(update, ChatMessage) else update.status.value for update in updates]
    assert told == ["one", "two", "sent", "delivered", "three", "read"]


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("image", {"id": "1", "mime_type": "image/jpeg", "caption": "My mat"}, "My mat"),
        ("image", {"id": "1", "mime_type": "image/jpeg"}, None),
        ("audio", {"id": "1", "voice": True}, None),
        ("sticker", {"id": "1"}, None),
        ("location", {"latitude": 1.5, "longitude": 2}, None),
        ("contacts", [{"name": {}}], None),
        ("button", {"text": "Yes, please", "payload": "yes"}, "Yes, please"),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}}, "Yes"),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Monday"}}, "Monday"),
        ("reaction", {"message_id": ID, "emoji": "\U0001f44d"}, "\U0001f44d"),
        ("unsupported", None, None),
        ("tomorrows_kind", {"x": 1}, None),
        ("text", {"body": " \n"}, None),
    ],
)
def test_every_kind_of_message_is_one_and_has_its_words(kind: str, content: object, text: str | None) -> None:
    [found] = messages_of(sent(kind, content))
    assert (found.kind, found.text) == (kind, text)


@pytest.mark.parametrize(
    "body",
    [
        sent("system", {"body": "User changed from A to B", "type": "user_changed_number"}),
        sent("request_welcome"),
        sent("reaction", {"message_id": ID}),
        sent("text", {"body": "Hi"}, group_id="120363"),
        sent("text", {"body": "Hi"}, **{"from": PHONE_NUMBER}),
        sent("text", {"body": "Hi"}, id=""),
        sent("Text of a kind", {"body": "Hi"}),
        call_of(incoming("Hi"), field="smb_message_echoes"),
        call_of({"message_echoes": incoming("Hi")["messages"]}, field="smb_message_echoes"),
        call_of({"event": "DISABLED_UPDATE"}, field="account_update"),
        call_of({"statuses": [{"id": ID, "status": "deleted"}]}),
        call_of({"statuses": [{"id": ID, "status": "read", "recipient_type": "group"}]}),
        b'{"object": "page"}',
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=itertools.count(),
)
def test_what_is_no_message_to_us_is_left_out(body: bytes) -> None:
    assert whatsapp_updates(body) == []


def test_a_person_who_shows_no_number_has_an_id_in_its_place() -> None:
    value = incoming("Hi")
    del value["messages"][0]["from"]
    value["messages"][0]["from_user_id"] = "US.13491208655302741918"
    value["contacts"] = [{"profile": {"name": "Sheena", "username": "@sheena"}, "user_id": "US.13491208655302741918"}]
    [found] = messages_of(call_of(value))
    assert (found.address, found.name) == ("US.13491208655302741918", "Sheena")


def test_a_message_that_comes_again_has_the_same_id_and_it_names_nobody() -> None:
    named = "wamid." + base64.b64encode(b"\x1c\x18\x0b16505551234\x15\x02\x00\x12").decode()
    first, again = messages_of(call_of(incoming("Hi", id_=named))), messages_of(call_of(incoming("Hi", id_=named)))
    assert [one.id for one in first] == [one.id for one in again]
    assert named[10:20] not in first[0].id


@pytest.mark.parametrize(
    ("status", "found"),
    [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("failed", "failed")],
)
def test_every_status_is_a_report(status: str, found: str) -> None:
    [one] = reports_of(call_of(report(status, "message-1/1", ID)))
    assert (one.status.value, one.reference, one.part, one.code) == (found, "message-1", 1, None)


@pytest.mark.parametrize("callback", [None, "somebody else's", "a/b"])
def test_a_report_without_our_reference_has_the_id_alone(callback: str | None) -> None:
    [one] = reports_of(call_of(report("failed", callback, ID, code=131026)))
    assert (one.reference, one.part, one.provider_id) == (None, None, mark_of(ID))
    assert one.code == "unreachable_recipient"


@pytest.mark.parametrize("timestamp", ["", "soon", "9" * 40, "-9" * 3, None, [], 1749416383.5, "1e9"])
def test_a_time_that_cannot_be_read_is_none(timestamp: Any) -> None:
    [found] = messages_of(sent("text", {"body": "Hi"}, timestamp=timestamp))
    assert found.at is None


NAMES = (
    *(
        "entry",
        "changes",
        "value",
        "field",
        "metadata",
        "phone_number_id",
        "display_phone_number",
        "contacts",
        "errors",
    ),
    *("profile", "name", "wa_id", "messages", "from", "id", "timestamp", "type", "text", "body", "statuses", "status"),
    *("biz_opaque_callback_data", "code", "interactive", "button_reply", "title", "reaction", "emoji", "error_data"),
)
VALUES = ("messages", "text", "read", "failed", "interactive", "reaction", "1749416383", PERSON, "a/1", "\ud800", "\0")


@given(json_with(NAMES, VALUES))
def test_no_json_is_an_error(value: object) -> None:
    whatsapp_updates(json.dumps(value).encode())


@given(st.lists(json_with(NAMES, VALUES), max_size=3), st.lists(json_with(NAMES, VALUES), max_size=3))
def test_no_message_and_no_report_is_an_error_and_each_can_be_stored(messages: list[Any], statuses: list[Any]) -> None:
    base = {"from": PERSON, "id": ID, "type": "text", "text": {"body": "Hi"}}
    mixed = [base | one if isinstance(one, dict) else one for one in messages]
    reported = [{"id": ID, "status": "read"} | one if isinstance(one, dict) else one for one in statuses]
    for update in whatsapp_updates(call_of({"messages": mixed, "statuses": reported, "contacts": messages})):
        assert_storable(update)


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(body: bytes) -> None:
    whatsapp_updates(body)


@pytest.mark.parametrize("unstorable", ["Hi\ud800", "H\0i"])
def test_what_cannot_be_stored_is_left_out_of_every_text(unstorable: str) -> None:
    value = incoming(unstorable, from_=f"{PERSON}{unstorable}", name=unstorable, id_=unstorable)
    value |= report("failed", f"{unstorable}/1", unstorable, code=1)
    value["statuses"][0]["errors"][0]["error_data"]["details"] = unstorable
    updates = whatsapp_updates(call_of(value))
    for update in updates:
        assert_storable(update)
    assert [type(update) for update in updates] == [ChatMessage, ChatReport]
    assert (messages_of(call_of(value))[0].text, messages_of(call_of(value))[0].name) == ("Hi", "Hi")
