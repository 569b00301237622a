"""The preview of a message: its words, and the segments and price of a text."""

from __future__ import annotations

import json
from typing import TypeVar

from content.communication import Mail, TextMessage, preview
from domain.communication.kinds import TEMPLATE_VERSION, Channel, TriggerType
from domain.communication.prices import price
from domain.money import dollars

Choice = TypeVar("Choice", TriggerType, Channel)


def preview_message(trigger_type: str, channel: str, values: str, html: bool) -> str:
    """The text or e-mail of the current template; raises ValueError with a sentence for an unknown one."""
    kind, way = _one_of(TriggerType, trigger_type), _one_of(Channel, channel)
    shown = preview(kind, way, _data(values), TEMPLATE_VERSION[kind])
    if isinstance(shown, TextMessage):
        return _text(shown)
    return shown.html if html else _mail(shown)


def _text(text: TextMessage) -> str:
    length = text.length
    cost = dollars(price(Channel.SMS, length.segments))
    segments = "1 segment" if length.segments == 1 else f"{length.segments} segments"
    return f"{text.body}\n\n{segments} of {length.encoding} ({length.units} units), {cost:.2f} dollars"


def _mail(mail: Mail) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in {"Subject": mail.subject, **mail.headers}.items())
    return f"{headers}\n\n{mail.text}"


def _one_of(kinds: type[Choice], name: str) -> Choice:
    try:
        return kinds(name)
    except ValueError:
        raise ValueError(f"there is no {name!r}: choose among {', '.join(kinds)}") from None


def _data(values: str) -> dict[str, object]:
    try:
        data = json.loads(values)
    except json.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise ValueError(f'the message\'s data is a JSON object, as {{"amount": 5}}, not {values!r}')
    return data
