"""The texts and e-mails of messages, rendered from the values of an event.

Pure, though built on Jinja2 and MJML: templates are files beside this module, `<trigger type>.jinja` in a directory per
version, one block for each part. A used version stays as it is; new words get a new directory. Data is free-form:
missing values are left out of the sentence, prose is cut to a sensible length, an address is never cut, and HTML is
escaped. Rendering never fails because of the data; `lost_address` finds the value whose address would not be sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from jinja2 import BaseLoader, ChainableUndefined, Environment, Template, TemplateNotFound, meta
from jinja2.sandbox import SandboxedEnvironment
from mjml import mjml2html

from content.communication.addresses import LONGEST_ADDRESS, addresses_in, is_address, shortened
from domain.communication.kinds import Channel, TriggerType
from domain.communication.segments import Length, length

BRAND = "MINGUS"
LONGEST_SMS = 1600
"""Characters; the providers accept no more in one message."""

LONGEST_VALUE = 300
LONGEST_SUBJECT = 200
LARGEST_NUMBER = 1e15
STOP_SENTENCE = "Reply STOP to opt out."
_ROOM = LONGEST_SMS - len(STOP_SENTENCE) - 1
_BLANKS = re.compile(r"\s+")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class TextMessage(NamedTuple):
    """A text message and its length."""

    body: str
    length: Length


class Links(NamedTuple):
    """The links of an e-mail. `unsubscribe` leads to the recipient's page for this message type."""

    unsubscribe: str


class Mail(NamedTuple):
    """An e-mail; `headers` make mail programs show an unsubscribe button that works with one click (RFC 8058)."""

    subject: str
    html: str
    text: str
    headers: dict[str, str]


class UnknownTemplate(Exception):
    """No template has that trigger type and version."""


def text_message(template: str, data: Mapping[str, object] | None) -> TextMessage:
    """The SMS of `<trigger type>/<version>`; raises UnknownTemplate."""
    body = f"{shortened(_words(template, data), _ROOM)} {STOP_SENTENCE}"
    return TextMessage(body, length(body))


def mail(template: str, data: Mapping[str, object] | None, links: Links) -> Mail:
    """The e-mail of `<trigger type>/<version>`; raises UnknownTemplate."""
    subject = shortened(_one_line(_block(template, "subject", data)), LONGEST_SUBJECT)
    paragraphs = [_one_line(one) for one in _block(template, "paragraphs", data).split("\n\n") if one.strip()]
    about = _block(template, "about", data).strip()
    html = _layout(template.partition("/")[2]).render(
        subject=subject, paragraphs=paragraphs, about=about, unsubscribe=links.unsubscribe, brand=BRAND
    )
    return Mail(subject, html, _plain(paragraphs, about, links), _unsubscribe_headers(links))


def verification_text(code: str) -> TextMessage:
    """The SMS with a verification code. It was requested, so there is nothing to opt out of yet."""
    body = (
        f"{BRAND}: your verification code is {code}. It is valid for 10 minutes. Nobody from {BRAND} will ask for it."
    )
    return TextMessage(body, length(body))


def preview(
    trigger_type: TriggerType, channel: Channel, data: Mapping[str, object], version: int = 1
) -> TextMessage | Mail:
    """The message as it would be sent, with a link that leads nowhere; raises UnknownTemplate."""
    template = f"{trigger_type}/{version}"
    if channel is Channel.SMS:
        return text_message(template, data)
    return mail(template, data, Links(unsubscribe="https://example.com/unsubscribe"))


def lost_address(template: str, data: Mapping[str, object]) -> str | None:
    """The name of a value with a web address that the message would not hold whole; None if there is none.

    Raises UnknownTemplate.
    """
    texts = {name: _one_line(value) for name, value in data.items() if isinstance(value, str) and "://" in value}
    if not texts:
        return None
    words = _words(template, data)
    shown = shortened(words, _ROOM)
    for name in sorted(_variables(template) & texts.keys()):
        kept = _short(texts[name]) or ""
        if any(one not in kept or (one in words and one not in shown) for one in addresses_in(texts[name])):
            return name
    return None


def _words(template: str, data: Mapping[str, object] | None) -> str:
    return _one_line(_block(template, "sms", data))


@cache
def _variables(template: str) -> frozenset[str]:
    source = _Files().get_source(_WORDS, template)[0]
    return frozenset(meta.find_undeclared_variables(_WORDS.parse(source)))


def _plain(paragraphs: list[str], about: str, links: Links) -> str:
    return "\n\n".join([*paragraphs, f"-- \n{about}\nUnsubscribe: {links.unsubscribe}"])


def _unsubscribe_headers(links: Links) -> dict[str, str]:
    return {"List-Unsubscribe": f"<{links.unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _one_line(text: str) -> str:
    return _UNPRINTABLE.sub("", _BLANKS.sub(" ", text)).strip()


def _clean(value: object) -> str | float | None:
    """Reduce a value to a number of readable size or to short text; None for anything else."""
    if isinstance(value, str):
        return _short(_one_line(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < LARGEST_NUMBER else None


def _short(text: str) -> str | None:
    if is_address(text):
        return text if len(text) <= LONGEST_ADDRESS else None
    return shortened(text, LONGEST_VALUE)


def money(amount: object, currency: str = "$") -> str:
    """An amount for people: `100.5` becomes $100.50; any other value stays as it is."""
    if not isinstance(amount, int | float):
        return str(amount)
    rounded = f"{abs(amount):,.2f}"
    return f"{'-' if amount < 0 and _counts(rounded) else ''}{currency}{rounded}"


def percent(number: object) -> str:
    """A percentage for people, at most one decimal; any other value stays as it is."""
    if not isinstance(number, int | float):
        return str(number)
    rounded = f"{abs(number):.1f}".removesuffix(".0")
    return f"{'-' if number < 0 and _counts(rounded) else ''}{rounded}%"


def _counts(rounded: str) -> bool:
    """Whether any digit is left after rounding: only then there is a sign."""
    return any(digit in "123456789" for digit in rounded)


class _Files(BaseLoader):
    """Templates by `<trigger type>/<version>`."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        name, _, version = template.partition("/")
        if name not in set(TriggerType) or not version.isdigit():
            raise TemplateNotFound(template)
        file = files(__package__).joinpath(f"v{version}", f"{name}.jinja")
        try:
            return file.read_text(encoding="utf-8"), template, lambda: True
        except OSError:
            raise TemplateNotFound(template) from None


_WORDS = SandboxedEnvironment(loader=_Files(), undefined=ChainableUndefined, autoescape=False)
_WORDS.filters |= {"money": money, "percent": percent}
_PAGES = SandboxedEnvironment(autoescape=True)


def _block(template: str, name: str, data: Mapping[str, object] | None) -> str:
    found = _template(template)
    values = {key: clean for key, value in (data or {}).items() if (clean := _clean(value)) is not None}
    return "".join(found.blocks[name](found.new_context(values | {"brand": BRAND})))


@cache
def _template(name: str) -> Template:
    try:
        found = _WORDS.get_template(name)
    except TemplateNotFound:
        raise UnknownTemplate(name) from None
    found.globals = dict(found.globals)  # a ChainMap would be searched at every rendering
    return found


@cache
def _layout(version: str) -> Template:
    """The page around every e-mail of this version: MJML compiled into HTML once, a Jinja2 template from then on."""
    source = files(__package__).joinpath(f"v{version}", "layout.mjml").read_text(encoding="utf-8")
    return _PAGES.from_string(mjml2html(source))
