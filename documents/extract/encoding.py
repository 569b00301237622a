"""The text of bytes in an unknown encoding: by its byte order mark, its declaration, as UTF-8, or else detected."""

from __future__ import annotations

import encodings
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from itertools import chain, islice
from pkgutil import iter_modules

from charset_normalizer import CharsetMatch, from_bytes

from documents.html.charset import BYTE_ORDER_MARKS, declared_in_page

SAMPLE_BYTES = 16 << 10
"""Bytes that the detection looks at: lines with characters outside ASCII, as the others say nothing."""

_FALLBACK = "cp1252"
_TELLING_LINE = re.compile(rb"[^\n]{0,200}[\x80-\xff][^\n]{0,200}")
_CANDIDATES = [
    _FALLBACK,
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "koi8-r",
    "cp932",
    "euc_jp",
]
_CANDIDATES += ["gb18030", "big5", "cp949"]
_AS_GOOD = 0.1


def decoded(body: bytes, *, html: bool) -> str:
    """The text by the first encoding that fits it. Where none fits, bytes that are no text become U+FFFD."""
    for mark, codec in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    tried = chain(_declared(body, html=html), ["utf-8"], _detected(body))
    for codec in tried:
        try:
            return body.decode(codec)
        except UnicodeError:
            continue
    return body.decode(_FALLBACK, "replace")


def _declared(body: bytes, *, html: bool) -> Iterator[str]:
    if html and (codec := declared_in_page(body)):
        yield codec


def _detected(body: bytes) -> Iterator[str]:
    """The codec that makes most sense of a sample, looked for only when it is asked for."""
    lines = (found[0] for found in _TELLING_LINE.finditer(body))
    sample = b"\n".join(islice(lines, 200))[:SAMPLE_BYTES]
    matches = list(from_bytes(sample, cp_isolation=_CANDIDATES))
    if matches:
        best = matches[0]
        yield next((match.encoding for match in matches if _is_western_as_well(match, best)), best.encoding)


def _is_western_as_well(match: CharsetMatch, best: CharsetMatch) -> bool:
    """Whether the most usual encoding fits about as well: French, to the detector, looks no less like Latvian."""
    as_good = match.chaos <= best.chaos + _AS_GOOD and match.coherence >= best.coherence
    return match.encoding == _FALLBACK and as_good


def import_codecs() -> None:
    """Import all codecs, each a module of its own, which a sealed process cannot read any more."""
    for module in iter_modules(encodings.__path__):
        with suppress(ImportError):  # Windows has some of its own
            import_module(f"encodings.{module.name}")
