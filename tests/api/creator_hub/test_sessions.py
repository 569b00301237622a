"""Sessions: access tokens for refresh tokens, which carry scopes and limits over, and end when they are revoked."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import httpx2
import jwt
import pytest

import bootstrap
from api.auth import refresh_audience
from commandline import Stop
from commandline.tokens import Wanted, issue_token, revoke_tokens
from tests.api.creator_hub.surface import MOUNT, NAME
from tests.api.product import Served

PATH = f"/{MOUNT}/api/v1/auth/refresh"


def refresh_token(hub: Served, subject: str, *scopes: str, limits: dict[str, str] | None = None) -> str:
    tokens = bootstrap.tokens(hub.settings, refresh_audience(NAME))
    return tokens.issue(subject, scopes or ("creator",), hub.clock.now(), timedelta(days=365), limits or {})


def refreshed(hub: Served, token: str) -> httpx2.Response:
    return hub.http.post(PATH, json={"refresh_token": token})


def programs(hub: Served, token: str, method: str = "GET") -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"name": "A program"} if method == "POST" else None
    return hub.http.request(method, f"/{MOUNT}/api/v1/programs", headers=headers, json=body)


def test_an_access_token_has_the_scopes_and_limits_of_the_refresh_token(hub: Served) -> None:
    token = refresh_token(hub, f"lea-{uuid4()}", "creator:read", limits={"general": "7/hour"})
    answer = refreshed(hub, token)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    session = answer.json()
    assert session == {"access_token": session["access_token"], "token_type": "bearer", "expires_in": 900}
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("7", "6")
    read = programs(hub, session["access_token"])
    assert (read.status_code, read.headers["X-RateLimit-Remaining"]) == (200, "5")
    assert programs(hub, session["access_token"], "POST").status_code == 403
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == pytest.approx(900, abs=1)


def test_neither_kind_of_token_passes_for_the_other(hub: Served) -> None:
    token = refresh_token(hub, "ben")
    for wrong in (hub.token(NAME), hub.token("communication"), token + "x", "nonsense"):
        error = refreshed(hub, wrong)
        assert (error.status_code, error.json()["error"]["code"]) == (401, "AUTHENTICATION_REQUIRED")
    assert programs(hub, token).status_code == 401


def test_a_refresh_is_put_on_record_without_the_token(hub: Served) -> None:
    subject = f"ina-{uuid4()}"
    token = refresh_token(hub, subject, limits={"ai_interactions": "3/hour"})
    assert refreshed(hub, token).status_code == 200
    stream = f"account/{subject}"
    names = ["creator_hub.account.session_refreshed.v1", "creator_hub.account.limits_set.v1"]
    hub.wait(lambda: [one for one in hub.events(stream) if one in names] == names, "the refresh is not on record")
    kept = hub.ask("select string_agg(convert_from(data, 'utf8'), '') from headwater.journal where stream = %s", stream)
    assert token.rpartition(".")[2] not in kept[0][0]
    assert '"ai_interactions":3' in kept[0][0]


def test_a_revoked_holders_refresh_tokens_end(hub: Served) -> None:
    subject = f"eve-{uuid4()}"
    issued = issue_token(hub.settings, MOUNT, Wanted(subject=subject, options={"refresh": True}))
    assert refreshed(hub, issued.text).status_code == 200
    with hub.hurrying():
        revoke_tokens(hub.settings, MOUNT, subject, None)
    hub.wait(lambda: refreshed(hub, issued.text).status_code == 401, "the refresh token still counts")


def test_tokens_are_issued_for_a_quarter_of_an_hour_and_refresh_tokens_for_a_year(hub: Served) -> None:
    for refresh, lifetime in ((False, timedelta(minutes=15)), (True, timedelta(days=365))):
        wanted = Wanted(subject="mia", limits=["ai_interactions=5/hour"], options={"refresh": refresh})
        grant = issue_token(hub.settings, "creator_hub", wanted).grant
        assert (grant.scopes, grant.expires_at - grant.issued_at) == (("creator",), lifetime)
    with pytest.raises(Stop, match="ai_interactions counts by the hour"):
        issue_token(hub.settings, MOUNT, Wanted(subject="mia", limits=["ai_interactions=5/min"]))
