"""The product with its live side: clients of its sockets, and requests beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx2
from websockets.asyncio.client import connect

from api.content_generator.dependencies import Dependencies
from api.streaming.presence import Presence, PresenceTimes
from commandline.orders import erasure
from streams.core.gateway import envelop
from streams.postgres.journal import KEYS_ABOUT
from tests.api.product import PATIENCE_SECONDS, Served
from tests.api.streaming.node import Client, until

SURFACE = "content_generator"

_sessions = count(1)


class Live(Served):
    """A product whose leaves are on record at once, unless a test wants otherwise."""

    def _ready(self) -> None:
        super()._ready()
        self.presence._times = self.presence._times._replace(grace=0.0)

    @property
    def dependencies(self) -> Dependencies:
        return self.own(SURFACE, Dependencies)

    @property
    def presence(self) -> Presence:
        return self.dependencies.live.presence

    @contextmanager
    def presence_times(self, **seconds: float) -> Iterator[None]:
        """Within it presence goes by these times."""
        usual: PresenceTimes = self.presence._times
        self.presence._times = usual._replace(**seconds)
        try:
            yield
        finally:
            self.presence._times = usual

    def key(self, scope: str) -> str:
        return self.token(SURFACE, scope)

    def api(self, *scopes: str) -> httpx2.Client:
        """A client of the surface's requests, with a key of these scopes."""
        return httpx2.Client(
            base_url=f"{self.root}/content-generator/api/v2",
            headers={"X-API-Key": self.token(SURFACE, *scopes)},
            timeout=PATIENCE_SECONDS,
            verify=False,  # nothing here is encrypted, and a store of certificates takes long to load
        )

    @asynccontextmanager
    async def client_of(self, session: str, client: str = "ana", role: str = "", **query: str) -> AsyncIterator[Client]:
        """A client of a session, which has read nothing yet; who needs a key for the role has one."""
        given = {"session_id": session, "client_id": client, "role": role}
        if role in ("instructor", "admin"):
            given["api_key"] = self.key("write" if role == "instructor" else "admin")
        async with self.connected({**given, **query}) as found:
            yield found

    @asynccontextmanager
    async def connected(self, query: Mapping[str, str], **options: Any) -> AsyncIterator[Client]:
        """A client with this query."""
        url = f"ws://127.0.0.1:{self.port}/content-generator/ws/live-updates?{urlencode(query)}"
        async with connect(url, max_queue=None, open_timeout=60, proxy=None, **options) as connection:
            yield Client(connection)

    @asynccontextmanager
    async def joined(self, session: str, client: str = "ana", role: str = "", **query: str) -> AsyncIterator[Client]:
        """A client that has been welcomed."""
        async with self.client_of(session, client, role, **query) as found:
            assert (await found.next())["type"] == "welcome"
            yield found

    def content(self, session: str, **query: Any) -> dict[str, Any]:
        """A session as its readers see it."""
        with self.api() as api:
            answer = api.get(f"/session/{session}/content", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def messages(self, session: str) -> list[tuple[int, str]]:
        """The numbers and types of everything that was broadcast in a session."""
        replay = self.content(session, include_replay=True)["replay"]
        return [(one["position"], one["type"]) for one in replay["messages"]]

    def participants(self, session: str) -> int:
        return int(self.content(session)["session_info"]["participant_count"])

    async def until_present(self, session: str, number: int) -> None:
        """Wait until so many participants are in."""

        async def is_so() -> bool:
            return self.participants(session) == number

        await until(is_so, f"there are not {number} participants")

    def session_events(self, session: str) -> list[str]:
        """The facts of a session on record, in order."""
        return [name.split(".")[2] for name in self.events(f"live_session/default/{session}")]

    def reports(self, session: str, client: str) -> list[str]:
        """The facts of a participation on record, in order."""
        mark = self.dependencies.client("default", client)
        return [name.split(".")[2] for name in self.events(f"participation/default/{session}/{mark}")]

    async def erase(self, mark: str) -> None:
        """Erase a person as the command line does."""
        subject = f"{SURFACE}:{mark}"
        keys = [mark, *(key for _, key in self.ask(KEYS_ABOUT, subject) if key != mark)]
        for key in keys:
            envelope = envelop(erasure(subject, key), SURFACE, self.runtime.partitions, "tester")
            submitted = asyncio.run_coroutine_threadsafe(self.runtime.gateway.submit(envelope, 60.0), self.loop)
            outcome = await asyncio.wrap_future(submitted)
            assert outcome.problem is None, outcome.problem


def new_session() -> str:
    """The id of a session that nobody has joined."""
    return f"session-{next(_sessions)}"
