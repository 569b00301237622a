"""Bound on the size of commands and records: the same in both runtimes, checked before anything is sent or paid for."""

from __future__ import annotations

from domain.messages import Named
from streams.core.envelope import LARGEST_BYTES
from streams.core.refusals import TooLarge

SEAL_BYTES = 60
"""Most bytes that encryption adds to a value, besides its encoding in base64."""


def check_size(data: bytes) -> None:
    """Check the size of an encoded command or record; raises TooLarge."""
    if len(data) > LARGEST_BYTES:
        raise _too_large(len(data))


def check_stored_size(message: Named) -> None:
    """Check the size of a message that is not encoded yet, without the use of any key; raises TooLarge."""
    if (size := _stored_size(message)) > LARGEST_BYTES:
        raise _too_large(size)


def _stored_size(message: Named) -> int:
    """Personal values count with their sealed size: in base64, four bytes for three."""
    plain = len(message.model_dump_json().encode())
    values = message.model_dump_json(include=set(message.personal_fields)).encode() if message.personal_fields else b""
    return plain + (len(values) + 2) // 3 + SEAL_BYTES * len(message.personal_fields)


def _too_large(size: int) -> TooLarge:
    return TooLarge(
        f"what is to be recorded has {size:,} bytes; a record may have {LARGEST_BYTES:,}", most_bytes=LARGEST_BYTES
    )
