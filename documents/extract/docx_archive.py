"""The archive of a Word document: its bounds, and its parts as streams of bytes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from documents.extract.request import ExtractionLimits, Failure, Unextractable

_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1
_EMBEDDED = "word/embeddings/"
"""Where Word keeps the workbooks of charts, which are archives; nothing in there is opened."""

_ARCHIVES = (".zip", ".docx", ".docm", ".xlsx", ".xlsm", ".pptx", ".jar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_BROKEN = (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, IndexError, OverflowError)


@contextmanager
def opened(content: bytes, limits: ExtractionLimits) -> Iterator[ZipFile]:
    """The archive, whose bounds are kept; raises Unextractable, also for what is found broken later."""
    if content.count(_ENTRY) > limits.entries:
        raise _bomb(f"the file is an archive of more than {limits.entries:,} parts")
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            _check(archive.infolist(), len(content), limits)
            yield archive
    except _BROKEN as error:
        raise Unextractable(Failure.CORRUPT, "the file is no Word document, or is damaged") from error


def _check(entries: list[ZipInfo], size: int, limits: ExtractionLimits) -> None:
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise Unextractable(Failure.ENCRYPTED, "the file is protected by a password")
    if any(entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for entry in entries):
        raise Unextractable(Failure.CORRUPT, "the file is compressed in a way that Word does not use")
    unzipped = sum(entry.file_size for entry in entries)
    if unzipped > min(limits.unzipped_bytes, limits.unzipped_ratio * size):
        raise _bomb("the file is much larger than it looks, once it is unpacked")
    names = [entry.filename.lower() for entry in entries]
    if any(name.endswith(_ARCHIVES) and not name.startswith(_EMBEDDED) for name in names):
        raise _bomb("the file contains another archive")


def _bomb(reason: str) -> Unextractable:
    return Unextractable(Failure.BOMB, reason)
