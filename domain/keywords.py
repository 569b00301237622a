"""The keyword in a recipient's text: Twilio's defaults and the words of the law, in any case and punctuation.

The law is 47 CFR 64.1200(a)(10): "stop", "quit", "end", "revoke", "opt out", "cancel" or "unsubscribe" withdraw
consent by themselves, and so does any wording that a reasonable person understands so. A stop word therefore counts
with polite words around it; START and HELP count alone, as a grant has to be beyond doubt.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum


class Keyword(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"


STOP_WORDS = frozenset(
    {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT", "OPT-OUT"}
)
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
HELP_WORDS = frozenset({"HELP", "INFO"})

POLITE_WORDS = frozenset(
    {"A", "ALERTS", "ALL", "AT", "ME", "MESSAGES", "MESSAGING", "MSG", "MSGS", "MY", "NOW", "OF", "ONCE", "PLEASE"}
    | {"PLS", "PLZ", "SENDING", "SMS", "TEXT", "TEXTING", "TEXTS", "THANK", "THANKS", "THE", "THESE", "THIS", "TO"}
    | {"FROM", "IT", "WRITING", "YOU", "YOUR"}
)
"""Words that leave a stop word what it is: "please stop texting me"."""

_ONE_WORD = frozenset(word for word in STOP_WORDS if word.isalpha())


def keyword_in(body: str) -> Keyword | None:
    """The keyword in the body; None for any other text. White space, punctuation, quotes and emoji do not matter."""
    words = _words(body)
    if _is_stop(words):
        return Keyword.STOP
    word = words[0] if len(words) == 1 else ""
    if word in START_WORDS:
        return Keyword.START
    return Keyword.HELP if word in HELP_WORDS else None


def keyword_of(body: str, verdict: str) -> Keyword | None:
    """The keyword of a text that the provider has judged too (Twilio's OptOutType), whatever its word; "" for neither.

    A STOP that either of the two sees is one. The provider alone knows the words that were set there.
    """
    own, given = keyword_in(body), verdict.strip().lower()
    if own is Keyword.STOP or given not in set(Keyword):
        return own
    return Keyword(given)


def _words(body: str) -> list[str]:
    """The letters and digits of the body by words, in capitals. A character that is not seen separates nothing."""
    seen = [character for character in unicodedata.normalize("NFKC", body) if not _is_unseen(character)]
    return "".join(character if character.isalnum() else " " for character in seen).upper().split()


def _is_unseen(character: str) -> bool:
    """Whether it has no width: a format character, or a mark such as the one behind many emoji."""
    category = unicodedata.category(character)
    return category == "Cf" or category[0] == "M"


def _is_stop(words: list[str]) -> bool:
    if "".join(words) in _ONE_WORD:  # S.T.O.P., opt-out
        return True
    spoken = " ".join(words).replace("OPT ME OUT", "OPTOUT").replace("OPT OUT", "OPTOUT").split()
    left = {word for word in spoken if word not in POLITE_WORDS}
    return bool(left) and left <= _ONE_WORD
