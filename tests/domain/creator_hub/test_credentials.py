"""Credentials told apart from what may be shown, and merged with those that are known."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from domain.creator_hub.credentials import divided, is_credential, merged

SECRET = "marked-secret"
CREDENTIALS = [
    "access_token",
    "app-secret",
    "botToken",
    "APIKey",
    "ACCESS_TOKEN",
    "secrets",
    "x.password",
    "private key",
]
PLAIN = ["keyboard", "phone_number", "tokenizer", "widget_color", "business_account_id", "monkey", ""]
NAMES = st.sampled_from([*CREDENTIALS, *PLAIN])
MAPS = st.recursive(
    st.just(SECRET),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_name_with_a_word_for_a_secret_is_a_credentials(name: str) -> None:
    assert is_credential(name)


@pytest.mark.parametrize("name", PLAIN)
def test_any_other_name_is_not(name: str) -> None:
    assert not is_credential(name)


def test_credentials_at_any_depth_are_divided_from_what_is_shown() -> None:
    given: dict[str, JsonValue] = {
        "phone_number": "+1",
        "gateway": {"url": "u", "api_key": "k"},
        "bots": [{"token": "t"}],
        "password": 5,
    }
    found = divided(given)
    assert found.shown == {"phone_number": "+1", "gateway": {"url": "u"}, "bots": [{}]}
    assert found.credentials == {"gateway.api_key": "k", "bots.0.token": "t", "password": "5"}


@given(configuration=st.dictionaries(NAMES, MAPS, max_size=4))
def test_nothing_below_a_credentials_name_is_shown(configuration: dict[str, JsonValue]) -> None:
    found = divided(configuration)
    assert not [key for key in CREDENTIALS if json.dumps(key) + ":" in json.dumps(found.shown)]
    assert divided(found.shown) == (found.shown, {}, frozenset())


def test_a_patch_replaces_removes_and_leaves_by_first_level_keys() -> None:
    known = {"access_token": "old", "app_secret": "old", "gateway.api_key": "old", "gateway.password": "old"}
    patch: dict[str, JsonValue] = {"access_token": "new", "app_secret": None, "gateway": {"api_key": "new"}}
    assert merged(known, patch) == {"access_token": "new", "gateway.api_key": "new"}


def test_a_blank_that_is_sent_back_changes_nothing() -> None:
    known = {"access_token": "old", "gateway.api_key": "old"}
    assert merged(known, {"access_token": "", "gateway": {"api_key": " "}}) == known
    assert divided({"access_token": " "}) == ({}, {}, frozenset({"access_token"}))


@given(first=st.dictionaries(st.sampled_from("abc"), MAPS), second=st.dictionaries(st.sampled_from("xyz"), MAPS))
def test_patches_of_different_keys_may_come_in_any_order(
    first: dict[str, JsonValue], second: dict[str, JsonValue]
) -> None:
    known = {"a.token": "1", "x.token": "2", "other_token": "3"}
    assert merged(merged(known, first), second) == merged(merged(known, second), first)
