"""Values derived from the installation's secret: message authentication codes by purpose, codes, marks."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha256
from uuid import UUID


class Secrets:
    """Derives values by HMAC-SHA-256. The purpose stands in front, so that no value serves for another purpose."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def mac(self, purpose: str, message: bytes) -> bytes:
        """32 bytes over `purpose:message`."""
        return hmac.digest(self._secret, purpose.encode() + b":" + message, sha256)

    def code(self, id_: UUID) -> str:
        """Six digits for this id, truncated as in RFC 4226, section 5.3."""
        digest = self.mac("code", id_.bytes)
        offset = digest[-1] & 0x0F
        return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"

    def is_code(self, id_: UUID, code: str) -> bool:
        """Whether this is the id's code, compared in constant time."""
        return hmac.compare_digest(self.code(id_).encode(), code.encode())

    def webhook_secret(self, endpoint_id: str) -> str:
        """The secret of a registered endpoint, as Standard Webhooks write it; it is stored nowhere."""
        return f"whsec_{b64encode(self.mac('webhook', endpoint_id.encode())).decode()}"

    @property
    def mark_of_installation(self) -> bytes:
        """Identifies this secret among others, and gives nothing of it away."""
        return self.mac("installation", b"")

    @property
    def salt(self) -> bytes:
        """The salt of `mark`: without the secret, the few phone numbers there are cannot be tried out."""
        return hmac.digest(self._secret, b"numbers", sha256)

    def mark(self, address: str) -> str:
        """The stand-in for an address where the address itself must not stand: hex SHA-256 of salt and address."""
        return sha256(self.salt + address.encode()).hexdigest()
