"""Headers of e-mail on the wire, within the limits of RFC 2047 and RFC 5322."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.email_policy import WIRE

ENCODED = re.compile(rb"=\\?[^ ?]+\\?[bq]\\?[^ ?]*\\?=", re.IGNORECASE)
WORDS = st.text(st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x1FFFF), min_size=1, max_size=120)
SUBJECTS = st.lists(WORDS, min_size=1, max_size=12).map(" ".join)


def written(name: str, value: str | Address) -> bytes:
    message = EmailMessage(policy=WIRE)
    message[name] = value
    return message.as_bytes()


def read(raw: bytes, name: str) -> str:
    return str(message_from_bytes(raw, policy=default)[name])


@given(SUBJECTS)
@example("Überweisung für Straßenbahnfahrscheine und Müllabfuhrgebühren")
@example("Ü" * 300)
@example("x" * 300)
@example("👨‍👩‍👧‍👦" * 40)
def test_a_subject_keeps_the_limits_and_its_words(subject: str) -> None:
    raw = written("Subject", subject)
    assert all(len(word) <= 75 for word in ENCODED.findall(raw))
    if ENCODED.search(raw):
        assert all(len(line) <= 76 for line in raw.splitlines())
    assert all(len(line) <= 998 for line in raw.splitlines())
    assert raw.isascii()
    assert read(raw, "Subject") == subject


@given(SUBJECTS.map(str.strip))
@example("Überweisungsgesellschaft für Straßenbahnfahrscheine & Söhne, Nachfolger")
def test_a_senders_name_keeps_the_limits_and_its_words(name: str) -> None:
    raw = written("From", Address(name, addr_spec="hello@example.com"))
    assert all(len(word) <= 75 for word in ENCODED.findall(raw))
    if ENCODED.search(raw):
        assert all(len(line) <= 76 for line in raw.splitlines())
    parts = decode_header(message_from_bytes(raw)["From"].replace("\r\n", ""))
    assert name.isascii() or str(make_header(parts)) == f"{name} <hello@example.com>"


def test_control_characters_are_refused_also_encoded() -> None:
    for value in ("=?utf-8?q?Hello=0D=0ABcc:_eve@example.com?=", "=?utf-8?q?=00?="):
        with pytest.raises(ValueError, match="control character"):
            written("Subject", value)


@pytest.mark.parametrize("characters", [10, 70, 300])
def test_an_address_in_a_header_is_folded_beside_it_and_never_encoded(characters: int) -> None:
    link = f"<https://example.com/{'x' * characters}>, <mailto:unsubscribe@example.com>"
    raw = written("List-Unsubscribe", link)
    assert read(raw, "List-Unsubscribe") == link
    assert b"=?" not in raw
    assert b"x" * characters + b">," in raw
