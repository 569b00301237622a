"""Telegram's webhooks: the message of a person in a private chat with the bot, as a typed record.

Groups, channels, other bots and edited messages are left out, as is what is not as documented.
"""

from __future__ import annotations

import re

from connectors.chat_updates import LONGEST_NAME, ChatMessage, seconds_in, words_in
from connectors.provider_json import Fields, fields_in, fields_of, id_in, recordable, text_in

_MEDIA = (
    *("animation", "audio", "document", "photo", "sticker", "story", "video", "video_note", "voice", "contact", "dice"),
    *("game", "poll", "venue", "location", "paid_media", "checklist"),
)
"""The fields that a person's message has for what is no text; `venue` stands before `location`, which it has too."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", re.ASCII)


def telegram_updates(body: bytes) -> list[ChatMessage]:
    """The record of an update; none of any other kind of update, and of a body without JSON."""
    try:
        update = fields_of(body.decode(errors="replace"))
    except ValueError:
        return []
    message = fields_in(update, "message")
    record = _message(message, id_in(update, "update_id")) if message else None
    return [] if record is None else [record]


def _message(message: Fields, update_id: str) -> ChatMessage | None:
    chat, person = fields_in(message, "chat"), fields_in(message, "from")
    message_id, address = id_in(message, "message_id"), id_in(chat, "id")
    kind = _kind(message)
    if not update_id or not message_id or not address or kind is None or not _is_from_person(chat, person):
        return None
    return ChatMessage(
        id=f"{update_id}/{message_id}",  # a message's own id counts within its chat, whose id is the person's
        address=address,
        name=_name(person),
        kind=kind,
        text=words_in(message, "text") or words_in(message, "caption"),
        at=seconds_in(message, "date"),
        language=_language(text_in(person, "language_code")),
    )


def _is_from_person(chat: Fields, person: Fields) -> bool:
    return text_in(chat, "type") == "private" and person.get("is_bot") is not True


def _kind(message: Fields) -> str | None:
    """None for what Telegram tells of itself, such as a pinned message."""
    if text_in(message, "text"):
        return "text"
    return next((kind for kind in _MEDIA if kind in message), None)


def _language(tag: str) -> str | None:
    return tag if _LANGUAGE.fullmatch(tag) else None


def _name(person: Fields) -> str:
    names = (text_in(person, "first_name"), text_in(person, "last_name"))
    return recordable(" ".join(filter(None, names)), LONGEST_NAME)
