"""Keys of data subjects: one AES-256 key each, wrapped by a master key that lives outside the database.

Destroying a subject's key erases every personal value about them, in the log and in every encrypted copy. The hash
chain runs over ciphertext, so it still verifies.
"""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12


class KeyNotLoaded(Exception):
    """A subject's key is needed but has not been looked up: a fault in the engine, never in the data."""


class WrappedKey(NamedTuple):
    """A subject's key as stored; `wrapped` is None once the key is destroyed."""

    subject: str
    wrapped: bytes | None


def seal(cipher: AESGCM, plain: bytes, about: bytes) -> bytes:
    """Encrypt to nonce and ciphertext. `about` is authenticated, so that a value cannot be moved to another subject."""
    nonce = os.urandom(NONCE)
    return nonce + cipher.encrypt(nonce, plain, about)


def unseal(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    """Decrypt sealed bytes; raises cryptography's InvalidTag for changed bytes, another key or another `about`."""
    return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], about)


class Keyring:
    """The subjects' keys in memory. Storage is the caller's: it supplies the stored keys and stores the new ones.

    Keys are kept, and ciphers made anew at each use: one takes a microsecond to make, and kilobytes to keep.
    """

    def __init__(self, master_key: bytes, capacity: int = 100_000) -> None:
        self._master = AESGCM(master_key)
        self._capacity = capacity
        self._keys: OrderedDict[str, bytes | None] = OrderedDict()
        self._created: list[WrappedKey] = []
        self._absent: set[str] = set()

    def knows(self, subject: str) -> bool:
        return subject in self._keys

    def learn(self, key: WrappedKey) -> None:
        """Add a stored key; a destroyed key marks its subject as erased."""
        self._absent.discard(key.subject)
        if key.subject not in self._keys or key.wrapped is None:
            self._keys[key.subject] = None if key.wrapped is None else self._unwrap(key.subject, key.wrapped)

    def cipher(self, subject: str) -> AESGCM | None:
        """The subject's cipher, None if erased; raises KeyNotLoaded when the key has not been looked up."""
        try:
            self._keys.move_to_end(subject)
            key = self._keys[subject]
        except KeyError:
            raise KeyNotLoaded(subject) from None
        return None if key is None else AESGCM(key)

    def has_erased(self, subject: str | None) -> bool:
        """Whether the subject is known as erased."""
        return subject is not None and self._keys.get(subject, b"") is None

    def allow(self, subject: str) -> None:
        """Mark a subject as having no stored key, so that `cipher_for_writing` may create one."""
        if subject not in self._keys:
            self._absent.add(subject)

    def cipher_for_writing(self, subject: str) -> AESGCM | None:
        """The subject's cipher, as `cipher` gives it; creates a key for a subject marked by `allow`."""
        return self._create(subject) if subject in self._absent else self.cipher(subject)

    def _create(self, subject: str) -> AESGCM:
        self._absent.discard(subject)
        key = AESGCM.generate_key(256)
        self._keys[subject] = key
        self._created.append(self._wrapped(subject, key))
        return AESGCM(key)

    @property
    def master(self) -> AESGCM:
        """The master key's cipher."""
        return self._master

    def generated(self, subject: str) -> WrappedKey:
        """A new key for a subject. It is not remembered: the caller stores it."""
        return self._wrapped(subject, AESGCM.generate_key(256))

    def _wrapped(self, subject: str, key: bytes) -> WrappedKey:
        return WrappedKey(subject, seal(self._master, key, subject.encode()))

    def opened(self, key: WrappedKey) -> AESGCM:
        """The cipher of a stored key that is not destroyed. It is not remembered."""
        assert key.wrapped is not None
        return AESGCM(self._unwrap(key.subject, key.wrapped))

    def created(self) -> list[WrappedKey]:
        """Take the keys created since the last call; store them with, or before, the data that they encrypt."""
        created, self._created = self._created, []
        return created

    def forget(self, subjects: list[str]) -> None:
        """Remove keys (of an aborted batch, or erased elsewhere) from memory, and all marks of `allow`."""
        self._absent.clear()
        for subject in subjects:
            self._keys.pop(subject, None)

    def trim(self) -> None:
        """Reduce the keys to the capacity. Call it between batches only: a key loaded for a batch must outlive it."""
        self._absent.clear()
        while len(self._keys) > self._capacity:
            self._keys.popitem(last=False)

    def same(self, one: WrappedKey, other: WrappedKey) -> bool:
        """Whether two stored keys of a subject are one, wrapped twice; raises InvalidTag under another master key."""
        unwrapped = [self._unwrap(key.subject, key.wrapped or b"") for key in (one, other)]
        return hmac.compare_digest(*unwrapped)

    def _unwrap(self, subject: str, wrapped: bytes) -> bytes:
        return unseal(self._master, wrapped, subject.encode())
