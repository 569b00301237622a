"""Values derived from the installation's secret: message authentication codes by purpose, codes, marks."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha256
from uuid import UUID


class Secrets:
    """Values derived from a secret by HMAC-SHA-256. The purpose is a prefix, so that no value serves another one."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def mac(self, purpose: str, message: bytes) -> bytes:
        """HMAC-SHA-256 over `purpose:message`, 32 bytes."""
        return hmac.digest(self._secret, purpose.encode() + b":" + message, sha256)

    def code(self, id_: UUID) -> str:
        """Code of six digits for this id, truncated as in RFC 4226, section 5.3."""
        digest = self.mac("code", id_.bytes)
        offset = digest[-1] & 0x0F
        return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06}"

    def is_code(self, id_: UUID, code: str) -> bool:
        """Whether this is the code of the id, compared in constant time."""
        return hmac.compare_digest(self.code(id_).encode(), code.encode())

    def webhook_secret(self, endpoint_id: str) -> str:
        """Secret of a registered endpoint, in the format of Standard Webhooks; it is stored nowhere."""
        return f"whsec_{b64encode(self.mac('webhook', endpoint_id.encode())).decode()}"

    @property
    def mark_of_installation(self) -> bytes:
        """Identifier of this secret, which reveals nothing about it."""
        return self.mac("installation", b"")

    @property
    def salt(self) -> bytes:
        """Salt of `mark`. It needs the secret, so that phone numbers, which are few, cannot be tried out without it."""
        return hmac.digest(self._secret, b"numbers", sha256)

    def mark(self, address: str) -> str:
        """Pseudonym of an address, for places where the address must not appear: hex SHA-256 of salt and address."""
        return sha256(self.salt + address.encode()).hexdigest()

    def mark_of(self, *parts: str) -> str:
        """Pseudonym of a value within its kind and tenant, for places where the value must not appear: hex, 64 long."""
        return self.mac("mark", "\0".join(parts).encode()).hex()
