"""Telegram's updates: its documented examples, and anything else that may come."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.chat_updates import ChatMessage
from connectors.telegram_updates import telegram_updates
from tests.connectors.any_json import assert_storable, json_with
from tests.imitations.telegram import update_of

DOCUMENTED = b"""
{"update_id": 10000,
 "message": {"date": 1441645532, "chat": {"last_name": "Test Lastname", "id": 1111111, "type": "private",
             "first_name": "Test Firstname", "username": "Testusername"}, "message_id": 1365,
             "from": {"last_name": "Test Lastname", "id": 1111111, "first_name": "Test Firstname",
             "username": "Testusername", "is_bot": false, "language_code": "pt-br"}, "text": "/start"}}
"""


def test_a_documented_message_is_read_whole() -> None:
    assert telegram_updates(DOCUMENTED) == [
        ChatMessage(
            id="10000/1365",
            address="1111111",
            name="Test Firstname Test Lastname",
            kind="text",
            text="/start",
            at=datetime(2015, 9, 7, 17, 5, 32, tzinfo=UTC),
            language="pt-br",
            account=None,
        )
    ]


@pytest.mark.parametrize(
    ("more", "kind", "text"),
    [
        ({"photo": [{"file_id": "a"}], "caption": "My mat"}, "photo", "My mat"),
        ({"photo": [{"file_id": "a"}]}, "photo", None),
        ({"voice": {"file_id": "a"}}, "voice", None),
        ({"venue": {"title": "Studio"}, "location": {"latitude": 1}}, "venue", None),
        ({"animation": {"file_id": "a"}, "document": {"file_id": "a"}}, "animation", None),
    ],
)
def test_what_is_no_text_is_a_message_of_its_kind(more: dict[str, Any], kind: str, text: str | None) -> None:
    [found] = telegram_updates(update_of("", more))
    assert (found.kind, found.text) == (kind, text)


@pytest.mark.parametrize(
    "body",
    [
        update_of("Hi", {"from": {"id": 7, "is_bot": True, "first_name": "Other bot"}}),
        update_of("Hi", {"chat": {"id": -100, "type": "group", "title": "All"}}),
        update_of("Hi", {"chat": {"id": -100, "type": "supergroup", "title": "All"}}),
        update_of("Hi", {"chat": {"id": -100, "type": "channel", "title": "All"}}),
        update_of("", {"pinned_message": {"message_id": 1}}),
        update_of("Hi").replace(b'"message"', b'"edited_message"'),
        update_of("Hi").replace(b'"message"', b'"channel_post"'),
        update_of("Hi").replace(b'"update_id"', b'"updated"'),
        b'{"update_id": 1, "callback_query": {"id": "1", "data": "x"}}',
        b'{"update_id": 1, "my_chat_member": {"new_chat_member": {"status": "kicked"}}}',
        b"",
        b"<html>",
        b"[]",
        b"[" * 100_000,
    ],
)
def test_what_is_no_persons_message_to_us_is_left_out(body: bytes) -> None:
    assert telegram_updates(body) == []


def test_an_update_that_comes_again_has_the_same_id_and_another_has_another() -> None:
    ids = [telegram_updates(update_of("Hi", update=n, message=m))[0].id for n, m in [(1, 1), (1, 1), (2, 1)]]
    assert ids[0] == ids[1] != ids[2]
    assert "1111111" not in ids[0]


@pytest.mark.parametrize("tag", ["", "deutsch", "x\n", "en_US", None, 7])
def test_a_language_that_is_no_tag_is_none(tag: object) -> None:
    [found] = telegram_updates(update_of("Hi", {"from": {"id": 1, "first_name": "Ada", "language_code": tag}}))
    assert (found.language, found.name) == (None, "Ada")


NAMES = (
    *("update_id", "message", "message_id", "chat", "id", "type", "from", "is_bot", "first_name", "last_name", "text"),
    *("language_code", "date", "caption", "photo", "voice"),
)
VALUES = ("private", "group", "Hi", "de", "\ud800", "\0")


@given(json_with(NAMES, VALUES))
def test_no_json_is_an_error(value: object) -> None:
    telegram_updates(json.dumps(value).encode())


@given(st.dictionaries(st.sampled_from(NAMES), json_with(NAMES, VALUES)))
def test_no_message_is_an_error_and_each_can_be_stored(more: dict[str, Any]) -> None:
    for found in telegram_updates(update_of("Hi", more)):
        assert_storable(found)


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(body: bytes) -> None:
    telegram_updates(body)


@pytest.mark.parametrize("unstorable", ["Hi\ud800", "H\0i"])
def test_what_cannot_be_stored_is_left_out_of_every_text(unstorable: str) -> None:
    person = {"id": 1, "first_name": unstorable, "language_code": unstorable}
    [found] = telegram_updates(update_of(unstorable, {"from": person}))
    assert_storable(found)
    assert (found.text, found.name) == ("Hi", "Hi")
