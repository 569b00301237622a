"""The text of bytes whose encoding is declared, guessed or wrong."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

CODECS = frozenset(
    {"utf-8", "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "mac-roman", "cp866", "shift_jis", "cp932", "euc_jp"}
    | {"iso2022_jp", "gb18030", "gbk", "gb2312", "big5", "euc_kr", "cp949", "cp874"}
    | {f"cp125{number}" for number in range(9)}
    | {f"iso8859-{number}" for number in (*range(2, 9), 10, 13, 14, 15, 16)}
)
"""Encodings of web pages. Python has others that are no encodings of text, or that take long to decode."""

_SUPERSETS = {"ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030"}
_SUPERSETS |= {"utf-16": "utf-16-le", "shift_jis": "cp932", "euc_kr": "cp949"}
"""What browsers read in the place of an encoding that is declared."""

_DECLARED = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE)
_PARAMETER = re.compile(r"charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE)
_DECLARATION_BYTES = 4096


def decoded(body: bytes, content_type: str, *, html: bool) -> str:
    """The text, by the first encoding that fits it: its byte order mark's, the header's, the page's, or a usual one.

    Where none fits, bytes that are no text in the first of them become U+FFFD.
    """
    for mark, codec in BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(codec, "replace")
    declared = [*_declared(body, content_type, html=html), "utf-8"]
    for codec in (*declared, "cp1252"):
        try:
            return body.decode(codec)
        except UnicodeError:
            continue
    return body.decode(declared[0], "replace")


def declared_in_page(body: bytes) -> str | None:
    """The codec that a page declares in its first bytes, which are read as ASCII, so that it is not UTF-16."""
    in_page = _DECLARED.search(body[:_DECLARATION_BYTES])
    codec = codec_of(in_page[1].decode("ascii", "replace")) if in_page else None
    return None if codec is None or codec.startswith("utf-16") else codec


def _declared(body: bytes, content_type: str, *, html: bool) -> Iterator[str]:
    parameter = _PARAMETER.search(content_type)
    if parameter and (codec := codec_of(parameter[1])):
        yield codec
    if html and (codec := declared_in_page(body)):
        yield codec


def codec_of(label: str) -> str | None:
    """Python's codec for a declared encoding, None for one that web pages do not use."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _SUPERSETS.get(name, name)
    return name if name in CODECS else None
