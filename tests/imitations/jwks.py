"""An imitation of Supabase Auth's key set, with keys that sign as its users' tokens are signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.imitations import Imitation, Received, main, suffer

PATH = "/auth/v1/.well-known/jwks.json"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class SupabaseKeysImitation(Imitation):
    """Publishes the keys in `published`, by their ids; `requests` in its journal counts how often it was asked."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.published: dict[str, PrivateKey] = {}
        self.also: list[dict[str, Any]] = []

    @property
    def issuer(self) -> str:
        return f"{self.url}/auth/v1"

    def routes(self) -> Sequence[BaseRoute]:
        return [Route(PATH, self._publish, methods=["GET"])]

    def new_key(self, name: str, algorithm: str = "ES256") -> None:
        """Makes and publishes a key."""
        made: PrivateKey = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        self.published[name] = made

    def token(self, name: str, key: PrivateKey | None = None, **claims: Any) -> str:
        """A signed-in user's token under that key; a claim that is None is left out."""
        now = datetime.now(UTC)
        usual = {
            "iss": self.issuer,
            "aud": "authenticated",
            "role": "authenticated",
            "iat": now,
            "exp": now + timedelta(hours=1),
            "sub": "550e8400-e29b-41d4-a716-446655440001",
        }
        told = {claim: value for claim, value in (usual | claims).items() if value is not None}
        signing = key or self.published[name]
        return jwt.encode(told, signing, _algorithm(signing), headers={"kid": name})

    def public_pem(self, name: str) -> bytes:
        """What anybody can make of a published key."""
        return self.published[name].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    async def _publish(self, request: Request) -> Response:
        behaviour = self.journal.following(PATH)
        self.journal.record(Received(to=PATH, content={}))
        await suffer(request, behaviour)
        if behaviour.status is not None:
            return Response(behaviour.text, behaviour.status)
        keys = [_published(name, key) for name, key in self.published.items()]
        return JSONResponse({"keys": [*self.also, *keys]})


def _algorithm(key: PrivateKey) -> str:
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"


def _published(name: str, key: PrivateKey) -> dict[str, Any]:
    public = key.public_key()
    written = (
        ECAlgorithm.to_jwk(public) if isinstance(public, ec.EllipticCurvePublicKey) else RSAAlgorithm.to_jwk(public)
    )
    told: dict[str, Any] = json.loads(written)
    return told | {"kid": name, "alg": _algorithm(key), "use": "sig", "key_ops": ["verify"]}


if __name__ == "__main__":
    main(SupabaseKeysImitation)
