"""The types of uploaded files, by their first bytes and their names."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath

HEAD_BYTES = 4096
"""The first bytes of a file that `file_type` looks at."""


class FileType(StrEnum):
    """A type of file whose text can be extracted."""

    PDF = "pdf"
    DOCX = "docx"
    TXT = "txt"
    MD = "md"
    HTML = "html"
    CSV = "csv"


class UnsupportedFile(Exception):
    """A file of none of the types, or of another than its name says. `str()` is a sentence."""


_EXTENSIONS = {
    ".pdf": FileType.PDF,
    ".docx": FileType.DOCX,
    ".txt": FileType.TXT,
    ".text": FileType.TXT,
    ".md": FileType.MD,
    ".markdown": FileType.MD,
    ".html": FileType.HTML,
    ".htm": FileType.HTML,
    ".csv": FileType.CSV,
}

_PDF = b"%PDF-"
_PDF_WITHIN = 1024
_ZIP = b"PK\x03\x04"
_WORD_PARTS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"customXml/")

_OTHERS = (
    *(_PDF, _ZIP, b"PK\x05\x06", b"{\\rtf", b"7z\xbc\xaf", b"\x1f\x8b", b"\xfd7zXZ", b"\xd0\xcf\x11\xe0", b"\x89PNG"),
    *(b"\xff\xd8\xff", b"\x7fELF", b"SQLite format 3\x00"),
)
"""How files of other types begin; most binary ones show themselves by their control characters."""

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def file_type(head: bytes, name: str) -> FileType:
    """The type of a file with these first bytes and this name; raises UnsupportedFile.

    The name says which type is meant, the bytes have to agree: both are a stranger's word.
    """
    if not head:
        raise UnsupportedFile("the file is empty")
    claimed = _EXTENSIONS.get(PurePosixPath(name.strip().replace("\\", "/")).suffix.lower())
    if claimed is None:
        raise UnsupportedFile("the file's name does not end in .pdf, .docx, .txt, .md, .html or .csv")
    if not _agrees(claimed, head[:HEAD_BYTES]):
        raise UnsupportedFile(f"the file's content is not of the type its name says ({claimed})")
    return claimed


def _agrees(claimed: FileType, head: bytes) -> bool:
    match claimed:
        case FileType.PDF:
            return _PDF in head[:_PDF_WITHIN]
        case FileType.DOCX:
            return head.startswith(_ZIP) and head[30:].startswith(_WORD_PARTS)
        case _:
            return _is_text(head)


def _is_text(head: bytes) -> bool:
    """Whether the bytes may be text: a few control characters are tolerated, more of them where they are UTF-8."""
    if head.startswith(_OTHERS):
        return False
    if head.startswith(_UTF16_MARKS):
        return True
    most = 0.3 if _is_utf8(head) else 0.02
    return len(_CONTROLS.findall(head)) <= max(most * len(head), 1)


def _is_utf8(head: bytes) -> bool:
    """Whether the bytes begin a text in UTF-8, which may go on within a character."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.end == len(head)
    return True
