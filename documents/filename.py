"""The file name of a download: cleaned, ending in .pdf, and encoded by RFC 6266 and RFC 8187."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

DEFAULT = "document.pdf"
LONGEST = 150
"""Bytes of UTF-8 before `.pdf`: file systems allow 255, and browsers add ` (1)` and `.crdownload`."""

RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
"""Device names, which Windows would open instead of a file."""

UNSAFE = re.compile(r'[<>:"|?*;]')
ATTR_CHAR = "!#$&+-.^_`|~"
"""The characters that RFC 8187 leaves as they are, beside letters and digits."""


def content_disposition(filename: str | None) -> str:
    """The Content-Disposition of a download of that name: `attachment; filename="…"`, and `filename*` if needed."""
    name = clean(filename)
    plain = _ascii(name)
    header = f'attachment; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe=ATTR_CHAR)}"


def clean(filename: str | None) -> str:
    """The name without path, control characters and characters that file systems refuse; `document.pdf` if empty."""
    visible = "".join(_visible(character) for character in filename or "")
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", visible))[-1]
    stem = UNSAFE.sub("_", re.sub(r"\.pdf$", "", base.rstrip(" ."), flags=re.IGNORECASE)).strip(" .")
    stem = stem.encode()[:LONGEST].decode(errors="ignore").strip(" .")
    if not stem:
        return DEFAULT
    return f"_{stem}.pdf" if RESERVED.match(stem) else f"{stem}.pdf"


def _visible(character: str) -> str:
    """Drop characters without a glyph (control, format, lone surrogates); any white space becomes a space."""
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Cn", "Co"} else character


def _ascii(name: str) -> str:
    """Reduce to ASCII, for clients without `filename*`; without per cent signs, which some decode (RFC 6266, D)."""
    letters = unicodedata.normalize("NFKD", name)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r'[^ -~]|[%"\\/]', "_", bare)
