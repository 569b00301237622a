"""The socket of live sessions: the document's client, joins, and roles by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import bootstrap
from tests.api.content_generator.live_product import Live


async def refusal(live: Live, query: dict[str, str]) -> dict[str, Any]:
    """The error with which a connection is refused, and how it ends."""
    async with live.connected(query) as client:
        code, reason = await client.closed()
    assert [one["type"] for one in client.received] == ["error"]
    error = client.received[0]
    assert (code, reason) == (1008, error["code"])
    return error


async def test_the_welcome_says_who_one_is_and_how_many_are_in(live: Live, session: str) -> None:
    async with live.client_of(session) as ana, live.client_of(session, "ben", "participant") as ben:
        first, second = await ana.next(), await ben.next()
    told = {"session_id": session, "client_id": "ana", "role": "participant", "participant_count": 1}
    assert first["content"] | {"position": ""} == told | {"position": ""}
    assert {name: first[name] for name in told} == told
    assert (second["role"], second["participant_count"]) == ("participant", 2)
    assert "recovered" not in first


async def test_participants_are_announced_to_others_by_name_and_not_to_themselves(live: Live, session: str) -> None:
    async with live.joined(session) as ana, live.joined(session, "ben", name="Ben K.") as ben:
        joined = await ana.next()
        async with live.joined(session, "cleo"):
            heard = await ben.next()
    assert joined["type"] == "participant_joined"
    assert joined["content"] == {"name": "Ben K.", "count": 2, "timestamp": "2026-01-05T09:00:00Z"}
    assert (heard["name"], heard["count"]) == ("cleo", 3)


async def test_observers_and_instructors_are_neither_counted_nor_announced(live: Live, session: str) -> None:
    async with (
        live.joined(session) as ana,
        live.client_of(session, "olga", "observer") as olga,
        live.client_of(session, "sarah", "instructor") as sarah,
        live.client_of(session, "root", "admin") as root,
    ):
        welcomes = [await client.next() for client in (olga, sarah, root)]
        async with live.joined(session, "ben"):
            heard = [await client.next() for client in (ana, olga, sarah, root)]
    assert [one["participant_count"] for one in welcomes] == [1, 1, 1]
    assert [(one["type"], one["name"], one["count"]) for one in heard] == [("participant_joined", "ben", 2)] * 4


async def test_a_name_has_no_control_characters_and_an_end(live: Live, session: str) -> None:
    async with live.joined(session) as ana, live.joined(session, "ben", name="\0 B\u0007en\n " + "x" * 500):
        joined = await ana.next()
    assert joined["name"] == "Ben " + "x" * 196


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"client_id": "ana"}, "validation_error"),
        ({"session_id": "one"}, "validation_error"),
        ({"session_id": "a b", "client_id": "ana"}, "validation_error"),
        ({"session_id": "a/b", "client_id": "ana"}, "validation_error"),
        ({"session_id": "one", "client_id": "x" * 129}, "validation_error"),
        ({"session_id": "one", "client_id": "ana\0"}, "validation_error"),
        ({"session_id": "one", "client_id": "ana\n"}, "validation_error"),
        ({"role": "Instructor"}, "validation_error"),
        ({"role": "owner"}, "validation_error"),
        ({"role": "instructor"}, "unauthorized"),
        ({"role": "admin"}, "unauthorized"),
        ({"role": "participant", "api_key": "wrong"}, "unauthorized"),
        ({"role": "instructor", "api_key": "wrong"}, "unauthorized"),
    ],
)
async def test_who_says_nothing_usable_is_refused(live: Live, query: dict[str, str], code: str) -> None:
    given = {"session_id": "one", "client_id": "ana"} if "role" in query else {}
    error = await refusal(live, given | query)
    assert error["code"] == code
    assert error["content"].keys() == {"code", "message", "details"}
    assert "wrong" not in str(error)


@pytest.mark.parametrize(
    ("role", "scope", "allowed"),
    [
        ("instructor", "read", False),
        ("instructor", "write", True),
        ("instructor", "admin", True),
        ("admin", "write", False),
        ("admin", "admin", True),
        ("observer", "read", True),
        ("participant", "read", True),
    ],
)
async def test_a_role_needs_its_key(live: Live, session: str, role: str, scope: str, allowed: bool) -> None:
    query = {"session_id": session, "client_id": "sarah", "role": role, "api_key": live.key(scope)}
    if allowed:
        async with live.connected(query) as client:
            assert (await client.next())["role"] == role
    else:
        assert (await refusal(live, query))["code"] == "forbidden"


async def test_a_key_may_come_in_the_header(live: Live, session: str) -> None:
    query = {"session_id": session, "client_id": "sarah", "role": "instructor"}
    async with live.connected(query, additional_headers={"X-API-Key": live.key("write")}) as client:
        assert (await client.next())["role"] == "instructor"


async def test_a_tenants_session_is_not_that_of_the_same_name_without_a_key(live: Live, session: str) -> None:
    tokens = bootstrap.tokens(live.settings, "content_generator")
    issued = tokens.issue("tester", ("write",), datetime.now(UTC), timedelta(hours=1), {}, tenant="acme")
    async with live.joined(session) as ana, live.client_of(session, "ben", api_key=issued) as ben:
        assert (await ben.next())["participant_count"] == 1
        async with live.joined(session, "cleo"), live.joined(session, "dora", api_key=issued):
            assert ((await ana.next())["name"], (await ben.next())["name"]) == ("cleo", "dora")


async def test_no_message_changes_a_role(live: Live, session: str) -> None:
    async with live.joined(session) as ana:
        await ana.send(type="technique_change", role="instructor", title="Mine", api_key=live.key("admin"))
        assert (await ana.next())["code"] == "forbidden"
