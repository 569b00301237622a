"""Words for the failures that a provider reports by a code alone."""

from __future__ import annotations

from collections.abc import Mapping

TWILIO_REASONS: Mapping[str, str] = {
    "21211": "the number is not a phone number",
    "21408": "texts to this country are not enabled at the provider",
    "21610": "the recipient has sent STOP",
    "21612": "the number cannot be reached from this sender",
    "21614": "the number is not a mobile number",
    "21635": "the number is a landline",
    "30001": "the queue at the provider is full",
    "30002": "the account at the provider is suspended",
    "30003": "the phone cannot be reached",
    "30004": "the text was blocked",
    "30005": "the number is unknown or no longer in service",
    "30006": "the number is a landline, or its carrier takes no texts",
    "30007": "a carrier filtered the text as unwanted",
    "30008": "the carrier gave no reason",
    "30009": "a part of the text is missing",
    "30010": "the text costs more than was allowed",
    "30011": "the carrier does not support pictures",
    "30017": "the carrier is congested",
    "30018": "the carrier wants a registered sender",
    "30019": "the content is larger than the carrier takes",
    "30022": "the carrier's rate limit was reached",
    "30023": "the carrier's daily limit was reached",
    "30024": "the carrier does not know the sender",
    "30032": "the toll-free sender is not verified",
    "30034": "the sender is not registered for texts to the United States",
    "30036": "the text could not be delivered within its time",
    "30410": "the next provider did not answer in time",
    "30450": "the text was blocked by the country's rules",
    "30453": "the number was sent too many texts in a short time",
}
"""Reasons by Twilio's code of an error, as its list of errors describes them."""


def reason_of(code: str | None, words: str | None) -> str:
    """The reason of a failure in words: the provider's own, else those for its code."""
    if words or not code:
        return words or "no reason given"
    known = TWILIO_REASONS.get(code, "the provider gave a code only")
    return f"{known} ({code})"
