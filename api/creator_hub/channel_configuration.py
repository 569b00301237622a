"""The configuration of a channel: its known keys, what answers show of it, and what a channel lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from api.errors import FieldError
from domain.creator_hub.kinds import ChannelType

TEXT = {"type": ["string", "null"]}
FLAG = {"type": ["boolean", "null"]}
TEXTS = {"type": ["array", "null"], "items": {"type": "string"}}
KNOWN: dict[str, Any] = {
    "phone_number": TEXT,
    "business_account_id": TEXT,
    "phone_number_id": TEXT,
    "access_token": TEXT,
    "webhook_verify_token": TEXT,
    "app_secret": TEXT,
    "bot_token": TEXT,
    "secret_token": TEXT,
    "reengagement_template": {
        "type": ["object", "null"],
        "properties": {"name": {"type": "string"}, "language": {"type": "string"}},
        "required": ["name", "language"],
    },
    "knowledge_base_ids": TEXTS,
    "ai_replies": FLAG,
    "cite_sources": FLAG,
    "answer_only_from_knowledge": FLAG,
    "widget_color": TEXT,
    "welcome_message": TEXT,
    "allowed_origins": TEXTS,
}
CONFIGURATION: dict[str, JsonValue] = {
    "type": "object",
    "description": "No key is required, and others are kept. Credentials are never shown again.",
    "properties": KNOWN,
}

HIDDEN = frozenset({"business_account_id"})
"""What is no credential and not shown either, as the document has it."""

CALLED_AT = frozenset({ChannelType.WHATSAPP, ChannelType.TELEGRAM})
"""Channels whose provider calls an address of ours."""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_template(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("name", "language"))


def _check_of(schema: object) -> tuple[Callable[[object], bool], str]:
    if schema is FLAG:
        return _is_flag, "must be true or false"
    if schema is TEXTS:
        return _is_texts, "must be a list of strings"
    return (_is_text, "must be a string") if schema is TEXT else (_is_template, "must have a name and a language")


CHECKS = {name: _check_of(schema) for name, schema in KNOWN.items()}


def faults_of(configuration: Mapping[str, JsonValue]) -> Iterator[FieldError]:
    """The known keys whose values do not fit."""
    for name, (fits, sentence) in CHECKS.items():
        value = configuration.get(name)
        if value is not None and not fits(value):
            yield FieldError(f"configuration.{name}", sentence, missing=False)


def shown(
    root: str, type_: ChannelType, channel_id: str, configuration: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """The configuration as answers show it, with the address that the provider calls."""
    found = {name: value for name, value in configuration.items() if name not in HIDDEN}
    return found | {"webhook_url": webhook_url(root, type_, channel_id)} if type_ in CALLED_AT else found


def webhook_url(root: str, type_: ChannelType, channel_id: str) -> str:
    """The address at which a channel's provider calls."""
    return f"{root}/webhooks/{type_.value}/{channel_id}"


def lacking(type_: ChannelType, credentials: Collection[str], has_app_secret: bool) -> str | None:
    """What a channel needs to be of use, and has not; None where nothing is missing."""
    needed = {
        ChannelType.WHATSAPP: ("access_token", "webhook_verify_token", "app_secret"),
        ChannelType.TELEGRAM: ("bot_token",),
    }.get(type_, ())
    there = {*credentials, "app_secret"} if has_app_secret else {*credentials}
    missing = [name for name in needed if name not in there]
    return f"missing: {', '.join(missing)}" if missing else None
