"""What is read out of a member's words by rules: a rating, and the wish to speak to a person."""

from __future__ import annotations

import re
import unicodedata

RATINGS = {"\N{THUMBS UP SIGN}": 5, "\N{THUMBS DOWN SIGN}": 1}
STAR = "\N{WHITE MEDIUM STAR}"
MOST = 5
_NUMBER = re.compile(r"([1-5])(?:\s*(?:/|of|von|de|out of)\s*5)?[.!]?")

PERSONS = (
    "human",
    "real person",
    "real human",
    "live agent",
    "speak to someone",
    "talk to someone",
    "speak to a person",
    "talk to a person",
    "speak with a person",
    "talk with a person",
    "echten menschen",
    "mit einem menschen",
    "mit einer person",
    "persona real",
    "con una persona",
    "con un humano",
    "une vraie personne",
    "a un humain",
    "avec un humain",
    "persona vera",
    "con un umano",
    "uma pessoa",
    "um humano",
)
"""Phrases that ask for a person, in small letters without accents."""

_PHRASES = re.compile(r"\b(?:" + "|".join(map(re.escape, PERSONS)) + r")\b")
_NOT_ASKED = re.compile(r"\b(?:human (?:body|beings?|nature|resources|rights|history|brain)|only human)\b")
"""Words about people in general, which ask for nobody."""


def rating_in(text: str, *, numbers: bool) -> int | None:
    """The rating that a text is, 1 to 5: a thumb, stars, or, with `numbers`, a number; None for any other text."""
    bare = "".join(one for one in text.strip() if one != "\N{VARIATION SELECTOR-16}" and not _is_skin(one))
    if bare in RATINGS:
        return RATINGS[bare]
    if bare and set(bare) == {STAR} and len(bare) <= MOST:
        return len(bare)
    found = _NUMBER.fullmatch(bare.lower()) if numbers else None
    return int(found[1]) if found else None


def _is_skin(character: str) -> bool:
    return "\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}" <= character <= "\N{EMOJI MODIFIER FITZPATRICK TYPE-6}"


def asks_for_person(text: str) -> bool:
    """Whether the member asks for a person, in one of six languages."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(one))
    spoken = " ".join(plain.split())
    return _PHRASES.search(_NOT_ASKED.sub(" ", spoken)) is not None
