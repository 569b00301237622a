"""WhatsApp's webhooks: every message and report in every change of every entry, as typed records.

Echoes of what was sent by other means come in changes of other fields, groups with a group's id: neither is a message
to us. What is not as documented is left out, and nothing is refused: WhatsApp would repeat it for days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.chat import clean
from connectors.chat_updates import (
    LONGEST_NAME,
    ChatMessage,
    ChatReport,
    ChatUpdate,
    ReportStatus,
    seconds_in,
    words_in,
)
from connectors.provider_json import Fields, count_in, fields_in, fields_of, first_word, list_in, text_in, word_in
from connectors.whatsapp import code_of, mark_of
from domain.calls.chat import part_of

_STATUSES = {status.value: status for status in ReportStatus} | {"played": ReportStatus.READ}
_NO_MESSAGES = frozenset({"system", "request_welcome"})
"""Types of what WhatsApp tells of itself: a new number, an opened chat."""

_KIND = re.compile(r"[a-z_]{1,40}", re.ASCII)
_LONGEST_ID = 512


def whatsapp_updates(body: bytes) -> list[ChatUpdate]:
    """The records in a webhook's body, in its order; none of a body without JSON."""
    try:
        call = fields_of(body.decode(errors="replace"))
    except ValueError:
        return []
    changes = (change for entry in list_in(call, "entry") for change in list_in(entry, "changes"))
    values = (fields_in(change, "value") for change in changes if text_in(change, "field") in ("messages", ""))
    return [update for value in values for update in _updates(value)]


def _updates(value: Fields) -> Iterator[ChatUpdate]:
    metadata = fields_in(value, "metadata")
    account = word_in(metadata, "phone_number_id") or None
    names = {key: name for contact in list_in(value, "contacts") for key, name in _named(contact)}
    for message in list_in(value, "messages"):
        if not _is_echo(message, metadata) and (record := _message(message, names, account)) is not None:
            yield record
    for status in list_in(value, "statuses"):
        if (report := _report(status, account)) is not None:
            yield report


def _named(contact: Fields) -> Iterator[tuple[str, str]]:
    name = word_in(fields_in(contact, "profile"), "name", LONGEST_NAME)
    yield from ((word_in(contact, key), name) for key in ("wa_id", "user_id"))


def _is_echo(message: Fields, metadata: Fields) -> bool:
    own = "".join(filter(str.isdecimal, text_in(metadata, "display_phone_number")))
    return own != "" and text_in(message, "from").removeprefix("+") == own


def _message(message: Fields, names: dict[str, str], account: str | None) -> ChatMessage | None:
    id_, address = word_in(message, "id", _LONGEST_ID), first_word(message, "from", "from_user_id")
    kind = text_in(message, "type")
    if not id_ or not address or not address.isprintable() or message.get("group_id") or not _is_of_person(kind):
        return None
    text = _text(message, kind)
    if kind == "reaction" and text is None:  # one that was taken back
        return None
    return ChatMessage(
        id=mark_of(id_),
        address=address,
        name=names.get(address, ""),
        kind=kind,
        text=text,
        at=seconds_in(message, "timestamp"),
        account=account,
    )


def _is_of_person(kind: str) -> bool:
    return _KIND.fullmatch(kind) is not None and kind not in _NO_MESSAGES


def _text(message: Fields, kind: str) -> str | None:
    content = fields_in(message, kind)
    match kind:
        case "text":
            return words_in(content, "body")
        case "button":
            return words_in(content, "text")
        case "reaction":
            return words_in(content, "emoji")
        case "interactive":
            chosen = fields_in(content, "button_reply") or fields_in(content, "list_reply")
            return words_in(chosen, "title")
        case _:
            return words_in(content, "caption")


def _report(status: Fields, account: str | None) -> ChatReport | None:
    found, id_ = _STATUSES.get(text_in(status, "status")), word_in(status, "id", _LONGEST_ID)
    if found is None or not id_ or text_in(status, "recipient_type") == "group":
        return None
    reference, part = part_of(word_in(status, "biz_opaque_callback_data", _LONGEST_ID)) or (None, None)
    error = next(iter(list_in(status, "errors")), {})
    code = count_in(error, "code")
    return ChatReport(
        status=found,
        provider_id=mark_of(id_),
        reference=reference,
        part=part,
        code=None if code is None else code_of(code),
        reason=clean(first_word(fields_in(error, "error_data"), "details") or first_word(error, "message", "title")),
        at=seconds_in(status, "timestamp"),
        account=account,
    )
