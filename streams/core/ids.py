"""Ids that derive from another id, the same for every retry."""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID, SafeUUID

_CLEARED = ~(0xF000 << 64 | 0xC000 << 48) & (1 << 128) - 1
_VERSION_5 = 0x5000 << 64 | 0x8000 << 48
_set_int = vars(UUID)["int"].__set__
_set_is_safe = vars(UUID)["is_safe"].__set__
_UNKNOWN = SafeUUID.unknown  # looking a member up in its enumeration costs as much as the digest


def derived_id(namespace: UUID, name: str) -> UUID:
    """Name-based id, equal to that of `uuid.uuid5`.

    Built by hand: the library's constructor spends its time on checks of values that are known to be right here.
    """
    digest = sha1(namespace.int.to_bytes(16, "big") + name.encode(), usedforsecurity=False).digest()
    id_ = UUID.__new__(UUID)
    _set_int(id_, int.from_bytes(digest[:16], "big") & _CLEARED | _VERSION_5)
    _set_is_safe(id_, _UNKNOWN)
    return id_
