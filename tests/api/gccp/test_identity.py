"""Who is let in: users that Supabase vouches for in the way the configuration says, and nobody else."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr, ValidationError

from api.auth import Caller, Revocations, SigningKeys, Tokens
from api.errors import ApiError
from api.gccp.identity import SupabaseKeys, SupabaseMove, verifier
from connectors.settings import ModelSettings
from products.gccp import GccpSettings
from tests.api.gccp.conftest import Shared
from tests.api.gccp.service import SECRET, Service, serving, token
from tests.api.product import TOKEN_SECRET, Installation
from tests.imitations import failing, hanging
from tests.imitations.jwks import SupabaseKeysImitation

USER = "550e8400-e29b-41d4-a716-446655440001"
GUARDED = [
    ("POST", "/generate"),
    ("POST", "/export/pdf"),
    ("POST", "/retry"),
    ("POST", "/stream"),
    ("PUT", "/stream"),
    ("GET", "/generations"),
    ("GET", f"/generations/{USER}"),
    ("GET", f"/generations/{USER}/calls"),
    ("GET", f"/generations/{USER}/progress"),
    ("POST", f"/generations/{USER}/cancel"),
    ("GET", "/usage"),
    ("GET", f"/../outcomes/{USER}"),
]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def unsigned(header: dict[str, Any], **claims: Any) -> str:
    """A token with that header, the usual claims, and no signature."""
    payload = token(USER, **claims).split(".")[1]
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip('=')}.{payload}."


def issuer(surface: str) -> Tokens:
    """The installation's own tokens of a surface."""
    return Tokens(lambda: SigningKeys.of(TOKEN_SECRET), surface)


REFUSED = {
    "no header": None,
    "another scheme": "Basic dXNlcjpwYXNz",
    "no token": "Bearer",
    "no JWT": "Bearer abc",
    "three empty parts": "Bearer ..",
    "expired": f"Bearer {token(USER, exp=LONG_AGO)}",
    "no expiry": f"Bearer {token(USER, exp=None)}",
    "not yet valid": f"Bearer {token(USER, nbf=datetime(2100, 1, 1, tzinfo=UTC))}",
    "another secret": f"Bearer {token(USER, secret='x' * 40)}",
    "another audience": f"Bearer {token(USER, aud='anon')}",
    "no audience": f"Bearer {token(USER, aud=None)}",
    "the project's anon key": f"Bearer {token(role='anon', sub=None, aud=None, iss='supabase', ref='project')}",
    "the project's service key": f"Bearer {token(USER, role='service_role')}",
    "no role": f"Bearer {token(USER, role=None)}",
    "no subject": f"Bearer {token(sub=None)}",
    "a subject that is no user's id": f"Bearer {token('somebody')}",
    "another algorithm of the same secret": f"Bearer {token(USER, algorithm='HS384')}",
    "unsigned": f"Bearer {unsigned({'alg': 'none', 'typ': 'JWT'})}",
    "unsigned, in capitals": f"Bearer {unsigned({'alg': 'NONE'})}",
    "a header that is no object": f"Bearer {base64.urlsafe_b64encode(b'[]').decode()}.e30.AAAA",
    "a header nested without end": f"Bearer {base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.AAAA",
    "a token of this installation": "Bearer "
    + issuer("gccp").issue(USER, ["authenticated"], datetime.now(UTC), timedelta(hours=1), {}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_nobody_else_is_let_in(shared: Shared, why: str) -> None:
    headers = {} if REFUSED[why] is None else {"Authorization": str(REFUSED[why])}
    answer = shared.client.get("/gccp/api/generations", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert SECRET not in answer.text


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_every_endpoint_wants_a_token(shared: Shared, method: str, path: str) -> None:
    body: dict[str, Any] | None = None if method == "GET" else {}
    answer = shared.client.request(method, f"/gccp/api{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


def test_the_health_of_the_renderer_wants_none(shared: Shared) -> None:
    assert shared.client.get("/gccp/api/export/pdf").status_code == 200


def test_one_user_sees_nothing_of_another(shared: Shared) -> None:
    owner, other = str(uuid4()), str(uuid4())
    course = {"topic": "T", "subtopics": "s", "mode": "lecture"}
    id_ = shared.ask("POST", "/generate", owner, json=course).json()["generation_id"]
    asked = [("GET", ""), ("GET", "/calls"), ("GET", "/progress"), ("POST", "/cancel")]
    answers = [shared.ask(method, f"/generations/{id_}{path}", other) for method, path in asked]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "FORBIDDEN")}
    assert shared.ask("GET", "/generations", other).json()["generations"] == []
    assert shared.ask("GET", f"/generations?before={id_}", other).status_code == 403


@pytest.fixture
def supabase() -> Iterator[SupabaseKeysImitation]:
    with SupabaseKeysImitation() as imitation:
        imitation.new_key("first")
        yield imitation


@asynccontextmanager
async def keys(supabase: SupabaseKeysImitation, **options: float) -> AsyncIterator[SupabaseKeys]:
    verifier = SupabaseKeys(supabase.issuer, Revocations(), **options)
    yield verifier
    await verifier.close()


async def refused(verifying: SupabaseKeys | SupabaseMove, wrong: str) -> int:
    with pytest.raises(ApiError) as error:
        await verifying.verify(wrong)
    return error.value.status


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_published_keys_vouch_for_their_users(supabase: SupabaseKeysImitation, algorithm: str) -> None:
    supabase.new_key("second", algorithm)
    async with keys(supabase) as verifier:
        assert await verifier.verify(supabase.token("second")) == Caller(USER, frozenset({"authenticated"}))


async def test_keys_are_fetched_once_however_many_ask_at_once(supabase: SupabaseKeysImitation) -> None:
    async with keys(supabase) as verifier:
        await asyncio.gather(*(verifier.verify(supabase.token("first")) for _ in range(50)))
    assert supabase.journal.requests == 1


async def test_a_key_that_is_new_is_fetched_and_unknown_ones_are_not_asked_for_again_and_again(
    supabase: SupabaseKeysImitation,
) -> None:
    async with keys(supabase, cool_down_seconds=0.2) as verifier:
        await verifier.verify(supabase.token("first"))
        stranger = supabase.token("unheard of", ec.generate_private_key(ec.SECP256R1()))
        assert [await refused(verifier, stranger) for _ in range(20)] == [401] * 20
        assert supabase.journal.requests == 1
        supabase.new_key("second")
        async with asyncio.timeout(60):
            while supabase.journal.requests == 1:
                try:
                    await verifier.verify(supabase.token("second"))
                except ApiError:
                    await asyncio.sleep(0.02)
        assert (await verifier.verify(supabase.token("second"))).subject == USER
    assert supabase.journal.requests == 2


async def test_a_key_that_was_withdrawn_is_good_no_more_once_the_keys_are_old(supabase: SupabaseKeysImitation) -> None:
    async with keys(supabase, cool_down_seconds=0.0, max_age_seconds=0.0) as verifier:
        old = supabase.token("first")
        await verifier.verify(old)
        del supabase.published["first"]
        supabase.new_key("second")
        assert await refused(verifier, old) == 401


async def test_known_keys_stay_good_while_the_issuer_is_away_and_unknown_ones_cannot_be_judged(
    supabase: SupabaseKeysImitation,
) -> None:
    async with keys(supabase, cool_down_seconds=0.0, max_age_seconds=0.0) as verifier:
        supabase.behave(failing(503))
        assert await refused(verifier, supabase.token("first")) == 503
        await verifier.verify(supabase.token("first"))
        supabase.behave(failing(500, times=None))
        await verifier.verify(supabase.token("first"))
        assert await refused(verifier, supabase.token("x", ec.generate_private_key(ec.SECP256R1()))) == 503


async def test_an_answer_that_is_no_key_set_is_no_answer(supabase: SupabaseKeysImitation) -> None:
    supabase.also = [{"kty": "EC", "kid": "first", "crv": "P-256"}, {"kid": "x"}]
    supabase.published.clear()
    async with keys(supabase, cool_down_seconds=0.0) as verifier:
        other = ec.generate_private_key(ec.SECP256R1())
        assert await refused(verifier, supabase.token("first", other)) == 503


async def test_an_issuer_that_hangs_holds_nobody_for_long(
    supabase: SupabaseKeysImitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.gccp import identity

    monkeypatch.setattr(identity, "FETCH_SECONDS", 0.2)
    supabase.behave(hanging())
    async with keys(supabase) as verifier:
        assert await refused(verifier, supabase.token("first")) == 503


async def test_wrong_tokens_under_a_right_key_are_refused(supabase: SupabaseKeysImitation) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    supabase.also = [{"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(b"k" * 32).decode()}]
    wrong = {
        "signed by another": supabase.token("first", stranger),
        "another issuer": supabase.token("first", iss="https://elsewhere.example/auth/v1"),
        "no issuer": supabase.token("first", iss=None),
        "another audience": supabase.token("first", aud="other"),
        "another role": supabase.token("first", role="anon"),
        "expired": supabase.token("first", exp=LONG_AGO),
        "HS256 keyed with the public key": _hs256("first", supabase.public_pem("first")),
        "HS256 with a published shared key": _hs256("shared", b"k" * 32),
        "no key named": token(USER, secret=SECRET, iss=supabase.issuer),
    }
    async with keys(supabase) as verifier:
        assert {why: await refused(verifier, one) for why, one in wrong.items()} == dict.fromkeys(wrong, 401)


def _hs256(name: str, secret: bytes) -> str:
    """Signed by hand: the library refuses to take a public key for a secret."""
    import hashlib
    import hmac

    head = {"alg": "HS256", "typ": "JWT", "kid": name}
    signed = f"{base64.urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip('=')}.{token(USER).split('.')[1]}"
    mac = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).decode().rstrip("=")
    return f"{signed}.{mac}"


async def served_to(service: Service, one: str) -> int:
    answer = await service.client.get("/generations", headers={"Authorization": f"Bearer {one}"})
    return answer.status_code


async def test_with_a_secret_alone_no_published_key_counts(database: str, supabase: SupabaseKeysImitation) -> None:
    async with serving(database) as service:
        assert await served_to(service, token(USER)) == 200
        assert await served_to(service, supabase.token("first")) == 401
    assert supabase.journal.requests == 0


async def test_a_project_amid_its_move_to_published_keys_has_users_of_both_kinds(
    database: str, supabase: SupabaseKeysImitation
) -> None:
    async with serving(database, {"SUPABASE_URL": supabase.url}) as service:
        assert await served_to(service, token(USER, iss=supabase.issuer)) == 200
        assert await served_to(service, supabase.token("first")) == 200


async def test_amid_a_move_each_key_is_good_for_its_own_tokens_only(supabase: SupabaseKeysImitation) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    wrong = {why: one.removeprefix("Bearer ") for why, one in REFUSED.items() if one and one.startswith("Bearer ")} | {
        "the secret's, of another issuer": token(USER, iss="https://elsewhere.example/auth/v1"),
        "the secret's, of no issuer": token(USER),
        "HS256 keyed with the public key": _hs256("first", supabase.public_pem("first")),
        "signed by another": supabase.token("first", stranger),
        "of another issuer": supabase.token("first", iss="https://elsewhere.example/auth/v1"),
    }
    amid = verifier(SECRET, supabase.issuer, Tokens(lambda: SigningKeys.of(TOKEN_SECRET), "gccp"))
    assert isinstance(amid, SupabaseMove)
    assert {why: await refused(amid, one) for why, one in wrong.items()} == dict.fromkeys(wrong, 401)
    await amid.close()


async def test_with_an_address_alone_published_keys_count(database: str, supabase: SupabaseKeysImitation) -> None:
    async with serving(database, {"SUPABASE_JWT_SECRET": "", "SUPABASE_URL": f"{supabase.url}/"}) as service:
        assert await served_to(service, supabase.token("first")) == 200
        assert await served_to(service, token(USER, iss=supabase.issuer)) == 401


async def test_without_supabase_the_installations_own_tokens_count(database: str) -> None:
    async with serving(database, {"SUPABASE_JWT_SECRET": ""}) as service:
        issued = issuer("gccp").issue(USER, ["authenticated"], datetime.now(UTC), timedelta(hours=1), {})
        elsewhere = issuer("communication").issue(USER, ["x"], datetime.now(UTC), timedelta(hours=1), {})
        assert await served_to(service, issued) == 200
        assert await served_to(service, elsewhere) == 401
        assert await served_to(service, token(USER)) == 401


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"SUPABASE_JWT_SECRET": "short"}, "at least 32 bytes"),
        ({"GCCP_WEBHOOK_URL": "https://example.com/hook"}, "together"),
        ({"GCCP_WEBHOOK_SECRET": "a secret"}, "together"),
    ],
)
def test_secrets_that_are_too_short_or_half_a_webhook_stop_the_start(
    tmp_path: Path, variables: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Installation("dbname=none", tmp_path, 1, variables)


def test_settings_are_read_by_their_usual_names(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": "http://a",
        "OLLAMA_BASE_URL": "http://o",
        "SUPABASE_URL": "https://ref.supabase.co/",
        "HEADWATER_GCCP_MODELS": "a, b,",
        "HEADWATER_GCCP_MAX_TOKENS": "7",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    own, model = GccpSettings(), ModelSettings()
    assert model.anthropic_api_key == SecretStr("k")
    assert (model.anthropic_base_url, model.ollama_base_url) == ("http://a", "http://o")
    assert (own.issuer, own.models, own.max_tokens) == ("https://ref.supabase.co/auth/v1", ("a", "b"), 7)
