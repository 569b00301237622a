"""The permanent codes of providers: what each says about the address, wherever it comes from.

The same code comes in the answer to a call and in a report afterwards, and means the same. Every other code says
something of the message, the sender, the account or the moment, and changes nothing about the address.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from domain.communication.kinds import Channel


class AddressFact(StrEnum):
    """A fact about an address. DEAD: nothing arrives there. STOPPED, COMPLAINED: its owner refuses messages."""

    DEAD = "dead"
    STOPPED = "stopped"
    COMPLAINED = "complained"


PERMANENT_CODES: Mapping[Channel, Mapping[str, AddressFact]] = {
    Channel.SMS: {
        "21610": AddressFact.STOPPED,  # the number has sent STOP to this sender
        "30004": AddressFact.STOPPED,  # blocked: by its owner, by a STOP to the carrier, by a register
        "21211": AddressFact.DEAD,  # not a phone number
        "21614": AddressFact.DEAD,  # not a mobile number
        "21635": AddressFact.DEAD,  # a landline
        "30005": AddressFact.DEAD,  # unknown, or no longer in service
        "30006": AddressFact.DEAD,  # a landline, or a carrier that no text reaches
    },
    Channel.EMAIL: {
        "smtp_5.1.1": AddressFact.DEAD,  # no such mailbox
        "smtp_5.1.2": AddressFact.DEAD,  # no such system
        "smtp_5.1.3": AddressFact.DEAD,  # not an address
        "smtp_5.1.6": AddressFact.DEAD,  # moved, without a new address
        "smtp_5.1.10": AddressFact.DEAD,  # a domain that takes no mail
        "smtp_5.2.1": AddressFact.DEAD,  # disabled
    },
}
"""The facts by channel and code: Twilio's codes, and the enhanced statuses of SMTP (RFC 3463, RFC 7505)."""


def fact_of(channel: Channel, code: str | None) -> AddressFact | None:
    """What a code says about the address; None for every code that says nothing of it."""
    return PERMANENT_CODES[channel].get(code or "")
