"""Ids: random ones, and ones that derive from another, the same for every retry.

Put together by hand, as the library's constructor checks at length what is known to be right here.
"""

from __future__ import annotations

import os
from hashlib import sha1
from uuid import UUID, SafeUUID

_CLEARED = ~(0xF000 << 64 | 0xC000 << 48) & (1 << 128) - 1
_VARIANT = 0x8000 << 48
_VERSION_4 = 0x4000 << 64 | _VARIANT
_VERSION_5 = 0x5000 << 64 | _VARIANT
_set_int = vars(UUID)["int"].__set__
_set_is_safe = vars(UUID)["is_safe"].__set__


def random_id() -> UUID:
    """Like `uuid.uuid4`."""
    return _made(os.urandom(16), _VERSION_4)


def derived_id(namespace: UUID, name: str) -> UUID:
    """Like `uuid.uuid5`."""
    digest = sha1(namespace.int.to_bytes(16, "big") + name.encode(), usedforsecurity=False).digest()
    return _made(digest[:16], _VERSION_5)


def _made(data: bytes, version: int) -> UUID:
    id_ = UUID.__new__(UUID)
    _set_int(id_, int.from_bytes(data, "big") & _CLEARED | version)
    _set_is_safe(id_, SafeUUID.unknown)
    return id_
