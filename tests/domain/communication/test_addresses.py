"""Spellings of one address, and addresses that only look alike."""

from __future__ import annotations

import pytest

from domain.communication.addresses import canonical, canonical_mailbox, canonical_number, same_address
from domain.communication.kinds import Channel


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fam@example.com", "fam@EXAMPLE.com"),
        ("fam@bücher.example", "fam@xn--bcher-kva.example"),
        ("fam@BÜCHER.example", "FAM@XN--BCHER-KVA.EXAMPLE"),
        ("fam@example.com.", "fam@example.com"),
        ("STRASSE@example.com", "straße@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
    ],
)
def test_spellings_of_one_mailbox(one: str, other: str) -> None:
    assert canonical_mailbox(one) == canonical_mailbox(other)
    assert same_address(Channel.EMAIL, one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.b@example.com", "ab@example.com"),
        ("a+b@example.com", "a@example.com"),
        ("a@b_c.example", "a@bc.example"),
        ("a@straße.example", "a@strasse.example"),
    ],
)
def test_mailboxes_that_only_look_alike(one: str, other: str) -> None:
    assert not same_address(Channel.EMAIL, one, other)


@pytest.mark.parametrize(
    ("number", "short"),
    [
        ("+5215512345678", "+525512345678"),
        ("+525512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
        ("+541123456789", "+541123456789"),
        ("+521551234567", "+521551234567"),
        ("+54911234567891", "+54911234567891"),
        ("+5511987654321", "+5511987654321"),
        ("+15005550006", "+15005550006"),
    ],
)
def test_a_number_has_one_spelling_in_mexico_and_argentina(number: str, short: str) -> None:
    assert canonical_number(number) == short
    assert canonical(Channel.SMS, number) == short


def test_an_address_that_is_gone_is_like_none() -> None:
    assert not same_address(Channel.SMS, None, None)
    assert not same_address(Channel.SMS, "+15005550006", None)
