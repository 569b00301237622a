"""The points at which a process of the product kills itself: the commit of every fact, before it and after it.

Of each name of an event the first is not committed before the process has ended once, and the process ends once more
as soon as it is. So every step is taken up again, both by a process that knows nothing of it and by one that finds it
on record. What is started so often imports nothing that is not there already.
"""

from __future__ import annotations

import os
import signal
import ssl
from functools import partial
from pathlib import Path
from unittest import mock

import httpcore2
from psycopg import AsyncConnection

from commands.content_generator import publication_reactions
from commands.content_generator.post import LOOKS
from domain.messages import Event
from streams.core.batch import Batch
from streams.core.envelope import OUTCOMES, Record, Recorded
from streams.core.read_models import Row
from streams.embedded.gateway import EmbeddedGateway
from tests.api.process import serve

NAME = "content_generator"
BEFORE, AFTER = "before", "after"
LOOKS_ARE_SOONER = 10
"""Lost posts are looked for after 0.2, 1 and 3 seconds."""


class CrashPoints:
    """The crashes so far, a line each: `before` or `after`, and the name of the fact."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.reached = set(file.read_text().splitlines()) if file.exists() else set()

    def facts(self, when: str) -> set[str]:
        """The facts at whose commit the process has ended."""
        return {line.partition(" ")[2] for line in self.reached if line.startswith(when)}

    def reach(self, when: str, recorded: list[Recorded[Event]]) -> None:
        """End the process, unless it has ended at all of these facts already."""
        new = {f"{when} {one.record.name}" for one in recorded if _is_fact(one.record)} - self.reached
        if new:
            with self._file.open("a") as lines:
                lines.write("".join(f"{line}\n" for line in sorted(new)))
            os.kill(os.getpid(), signal.SIGKILL)


def _is_fact(record: Record) -> bool:
    return record.context == NAME and not record.stream.startswith(f"{OUTCOMES}/")


def crash_at(points: CrashPoints) -> None:
    """From now on this process ends at commits."""
    commit = EmbeddedGateway._commit

    async def crash(self: EmbeddedGateway, connection: AsyncConnection[Row], batch: Batch) -> bool:
        points.reach(BEFORE, batch.recorded)
        done = await commit(self, connection, batch)
        if done:
            points.reach(AFTER, batch.recorded)
        return done

    EmbeddedGateway._commit = crash  # type: ignore[method-assign]


def serve_crashing(variables: dict[str, str], log: Path, crashes: Path | None) -> None:
    """What the process does, until it is killed or ends itself."""
    if crashes is not None:
        crash_at(CrashPoints(crashes))
    sooner = tuple(after / LOOKS_ARE_SOONER for after in LOOKS)
    without_certificates = partial(ssl.SSLContext, ssl.PROTOCOL_TLS_CLIENT)  # reading them is half of a start
    with (
        mock.patch.object(publication_reactions, "LOOKS", sooner),
        mock.patch.object(httpcore2, "default_ssl_context", without_certificates),
    ):
        serve(variables, log)
