"""Tokens of this installation over HTTP: the keys that sign them, the claims they must hold, and their revocation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

import bootstrap
import installation_secrets
from commandline.operations import advance_clock
from commandline.tokens import Issued, Wanted, issue_token, list_tokens, revoke_tokens, rotate_key
from tests.api.product import MONDAY, Served, serving

HEALTHY = "/communication/api/communication/preferences/1"
LATER = timedelta(minutes=1)


@pytest.fixture(scope="module")
def product() -> Iterator[Served]:
    """The product with its signing keys in files, as `headwater up` makes them."""
    with serving(Served, {"HEADWATER_TOKEN_SECRET": ""}) as served:
        yield served


def status(product: Served, token: str, surface: str = "communication") -> int:
    path = HEALTHY if surface == "communication" else "/gccp/api/generations"
    return product.http.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def issued(product: Served, subject: str, surface: str = "communication", **wanted: Any) -> Issued:
    return issue_token(product.settings, surface, Wanted(subject=subject, **wanted))


def advance(product: Served, by: timedelta) -> None:
    """Moves the installation's clock, by which the command line goes too."""
    now = advance_clock(product.settings, by)
    product.wait(lambda: product.clock.now() == now, "the clock did not move")


def until_void(product: Served, token: str, surface: str = "communication") -> None:
    product.wait(lambda: status(product, token, surface) == 401, "the token still counts")


def signed(product: Served, secret: bytes | None = None, kid: str | None = None, **claims: Any) -> str:
    """A token of the installation's first key with these claims beside the usual ones; None leaves one out."""
    usual = {
        "iss": "headwater",
        "aud": "communication",
        "sub": "old",
        "scope": "preferences:manage",
        "iat": int(product.clock.now().timestamp()),
        "exp": int((datetime.now(UTC) + timedelta(days=1)).timestamp()),
    }
    body = {name: value for name, value in (usual | claims).items() if value is not None}
    headers = None if kid is None else {"kid": kid}
    return jwt.encode(body, secret or installation_secrets.token_secret(product.settings), "HS256", headers=headers)


def test_a_token_revoked_by_its_id_is_void_and_the_holders_others_are_not(product: Served) -> None:
    lost, kept = issued(product, "ben"), issued(product, "ben")
    assert [status(product, one.text) for one in (lost, kept)] == [200, 200]
    assert lost.grant.token_id in revoke_tokens(product.settings, "communication", None, lost.grant.token_id)
    until_void(product, lost.text)
    assert status(product, kept.text) == 200


def test_a_holders_tokens_up_to_now_are_void_and_later_ones_count(product: Served) -> None:
    before = [issued(product, "eve").text, signed(product, sub="eve")]
    assert [status(product, token) for token in before] == [200, 200]
    revoke_tokens(product.settings, "communication", "eve", None)
    for token in before:
        until_void(product, token)
    advance(product, LATER)
    assert status(product, issued(product, "eve").text) == 200
    assert status(product, issued(product, "another").text) == 200


def test_a_revocation_counts_for_one_surface(product: Served) -> None:
    holder = "550e8400-e29b-41d4-a716-446655440001"
    here, there = issued(product, holder, "gccp").text, issued(product, holder).text
    revoke_tokens(product.settings, "gccp", holder, None)
    until_void(product, here, "gccp")
    assert status(product, there) == 200


def test_a_token_whose_issue_is_on_no_record_can_be_revoked_by_its_id(product: Served) -> None:
    token = signed(product, jti="unrecorded")
    assert status(product, token) == 200
    assert "no token with this id is on record" in revoke_tokens(product.settings, "communication", None, "unrecorded")
    until_void(product, token)


def test_tokens_are_listed_with_what_they_grant_and_whether_they_count(
    product: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    one = issued(product, "lea", limits=["general=600/min"], scopes=["communication:read"])
    two = issued(product, "lea")
    recorded = "select count(*) from read_models.communication_tokens where holder = 'lea'"
    product.wait(lambda: product.ask(recorded) == [(2,)], "the tokens are not on record")
    revoke_tokens(product.settings, "communication", None, one.grant.token_id)
    list_tokens(product.settings, "communication")
    said = capsys.readouterr().out
    lines = {line.split()[0]: line for line in said.splitlines() if not line.startswith(" ")}
    assert "revoked" in lines[one.grant.token_id]
    assert f"lea  until {two.grant.expires_at:%Y-%m-%d}" in lines[two.grant.token_id]
    assert "communication:read  general=600/minute" in said


def test_a_token_lasts_90_days_by_the_engines_clock(product: Served) -> None:
    assert bootstrap.product_of("communication") is not None
    found = issued(product, "max").grant
    assert found.expires_at - found.issued_at == timedelta(days=90)
    short = issued(product, "max", lifetime=timedelta(minutes=15)).text
    assert status(product, short) == 200
    advance(product, timedelta(minutes=15))
    assert status(product, short) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"limits": {"general": "lots"}},
        {"limits": {"general": 5}},
        {"limits": {"general": "0/minute"}},
        {"limits": ["general"]},
        {"limits": "general"},
        {"scope": ["preferences:manage"]},
        {"sub": ""},
        {"exp": None},
        {"exp": 1e300},
        {"iat": "yesterday"},
        {"jti": 5},
        {"iss": "another"},
    ],
    ids=str,
)
def test_a_signed_token_with_malformed_claims_is_not_valid(product: Served, claims: dict[str, Any]) -> None:
    assert status(product, signed(product)) == 200
    assert status(product, signed(product, **claims)) == 401


def test_while_a_key_changes_both_count_and_afterwards_only_the_new_one(product: Served) -> None:
    old, plain = issued(product, "kim").text, signed(product)
    rotate_key(product.settings, finish=False)
    new = issued(product, "kim").text
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    product.wait(lambda: status(product, new) == 200, "the second key does not count")
    assert [status(product, token) for token in (old, plain)] == [200, 200]
    second = bytes.fromhex((product.data / "token.next.key").read_text().strip())
    assert status(product, signed(product, second)) == 401  # without `kid` the first key alone counts
    rotate_key(product.settings, finish=True)
    until_void(product, old)
    assert [status(product, token) for token in (plain, new)] == [401, 200]
    assert status(product, signed(product, second, "0" * 16)) == 401


def test_changing_the_key_leaves_the_installations_secret_as_it_is(product: Served) -> None:
    before = installation_secrets.installation_secret(product.settings)
    rotate_key(product.settings, finish=False)
    rotate_key(product.settings, finish=True)
    assert installation_secrets.installation_secret(product.settings) == before
    assert product.clock.now() >= MONDAY
