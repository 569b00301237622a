"""The identity of an address: which spellings are one mailbox, and which are one phone number.

What a provider reports about an address holds for every spelling of it, and for everybody who has it. Messages go to
the spelling that was given.

- Mailboxes: the domain as IDNA writes it, in small letters; the local part in small letters too. RFC 5321 leaves its
  case to the receiver, and no large receiver tells cases apart. Dots and tags (`a+b`) tell mailboxes apart, as only
  some receivers ignore them.
- Numbers: a Mexican mobile number is one with and without the 1 after +52, an Argentine one with and without the 9
  after +54. Networks deliver texts from either form, whichever they were sent to.
"""

from __future__ import annotations

import re
import unicodedata

import idna

from domain.communication.kinds import Channel

_MEXICAN = re.compile(r"\+521([0-9]{10})")
_ARGENTINE = re.compile(r"\+549([0-9]{10})")


def canonical(channel: Channel, address: str) -> str:
    """The one spelling of an address that all of its spellings share."""
    return canonical_number(address) if channel is Channel.SMS else canonical_mailbox(address)


def same_address(channel: Channel, one: str | None, other: str | None) -> bool:
    """Whether two spellings name one address; an erased or missing one is none."""
    return one is not None and other is not None and canonical(channel, one) == canonical(channel, other)


def canonical_number(number: str) -> str:
    """The number in E.164, in the short form for Mexico and Argentina."""
    for pattern, code in ((_MEXICAN, "+52"), (_ARGENTINE, "+54")):
        if (found := pattern.fullmatch(number)) is not None:
            return code + found[1]
    return number


def canonical_mailbox(address: str) -> str:
    """The address with its domain as A-labels and its local part in small letters."""
    local, _, domain = address.rpartition("@")
    return f"{unicodedata.normalize('NFC', local).casefold()}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain.rstrip("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError:  # a name that IDNA 2008 does not know, as one with an underscore
        return domain.casefold()
