"""Recorded outcomes of every refusal, and what their surfaces answer to a replay.

    python -m tests.api.refusals

adds an example of each name that has none. Lines that stand are history: they are never made anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

from starlette.requests import Request

from api.actions import Actions
from api.correlation import CORRELATION
from api.errors import ApiError
from api.routing import HEADERS
from domain.messages import Refused
from streams.core.batch import KnownOutcome, Loaded
from streams.core.clock import Clock, ManualClock
from streams.core.commits import Commits
from streams.core.envelope import GENESIS, Decided, Envelope, IdempotencyConflict, Outcome, Problem, Record, Status
from streams.core.keys import Keyring
from streams.core.mapper import Mapper
from streams.core.processor import Processor
from streams.core.refusals import ENGINE_REFUSALS
from streams.core.secrets import Secrets
from streams.core.wiring import EraseSubject, names_of
from streams.postgres.reads import Reads
from tests.commands.contexts import contexts

FILE = Path(__file__).parent / "recorded_refusals.jsonl"
AT = datetime(2025, 1, 27, 10, tzinfo=UTC)
COMMAND = EraseSubject(at=AT, partition_key="7", erased="communication:7")
"""Any command will do: a replay does not look at it."""


class Example(NamedTuple):
    """An outcome as the log holds it, and what the endpoint answered when it was recorded."""

    surface: str
    endpoint: str
    name: str
    outcome: dict[str, Any]
    answer: dict[str, Any]

    @property
    def type(self) -> str:
        """The refusal's name in the outcome."""
        return str(self.outcome["problem"]["type"])


def recorded() -> list[Example]:
    """Every example in the file."""
    return [Example(**json.loads(line)) for line in FILE.read_text().splitlines()]


@cache
def mapper() -> Mapper:
    return Mapper(names_of(list(contexts().values())), Keyring(bytes(32)))


@dataclass
class Replay:
    """An engine whose log holds one outcome, whatever is submitted."""

    name: str
    data: bytes
    clock: Clock = field(default_factory=lambda: ManualClock(AT))
    partitions: int = 4
    writable: bool = True

    @property
    def gateway(self) -> Replay:
        return self

    @property
    def commits(self) -> Commits:
        return Commits()

    @property
    def reads(self) -> Reads:
        return Reads("")

    @property
    def mapper(self) -> Mapper:
        return mapper()

    async def submit(self, envelope: Envelope, timeout_seconds: float) -> Outcome:
        """The outcome, by the way of every repeated command."""
        id_, command = envelope.command_id, envelope.command
        place = (envelope.context, envelope.partition, 1, id_, command.key, f"command/{id_}", 1)
        record = Record(*place, self.name, None, self.data, id_, None, id_, envelope.actor, AT, GENESIS)
        processor = Processor(list(contexts().values()), self.mapper)
        answer = processor.decide([envelope], Loaded({id_: KnownOutcome(record, [])})).answers[0]
        assert not isinstance(answer, IdempotencyConflict)
        return answer

    async def outcome(self, context: str, command_id: UUID) -> Outcome | None:
        return None


async def answer(example: Example) -> dict[str, Any]:
    """What the surface answers now when the command behind this outcome is repeated."""
    app, errors = (import_module(f"api.{example.surface}.{module}") for module in ("app", "errors"))
    endpoint = SimpleNamespace(__name__=example.endpoint or "routing")
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "endpoint": endpoint}
    scope |= {HEADERS: {}, CORRELATION: "the request's"}
    request = Request(scope)
    engine = Replay(example.name, json.dumps(example.outcome).encode())
    try:
        await (
            Actions(example.surface, engine, app.STATUSES, Secrets(bytes(32)))
            .action(request, "caller", "actor")
            .submit(COMMAND)
        )
    except ApiError as error:
        response = errors.render(request, error)
        return {"status": response.status_code, "body": json.loads(response.body)}
    raise AssertionError(f"{example.type} is answered as if it were none")


def expected() -> Iterator[tuple[str, type[Refused], str]]:
    """Every surface, each refusal that its outcomes may hold, and each of the refusal's names."""
    served = {name: context for name, context in contexts().items() if find_spec(f"api.{name}")}
    for name, context in served.items():
        for refusal in (*ENGINE_REFUSALS, *context.refusals):
            yield from ((name, refusal, type_) for type_ in (*refusal.formerly, refusal.name))


async def missing() -> list[Example]:
    """An example of each name that has none in the file."""
    known = {(example.surface, example.type) for example in recorded()}
    return [
        await _example(surface, refusal, type_)
        for surface, refusal, type_ in expected()
        if (surface, type_) not in known
    ]


async def _example(surface: str, refusal: type[Refused], type_: str) -> Example:
    sentence = (refusal.__doc__ or refusal.__name__).partition("\n")[0]
    problem = Problem(type=type_, sentence=sentence)
    decided = Decided(at=AT, command=COMMAND.name, status=Status.REFUSED, problem=problem)
    example = Example(surface, "", Decided.name, decided.model_dump(mode="json"), {})
    return example._replace(answer=await answer(example))


async def main() -> None:
    with FILE.open("a") as file:
        for example in await missing():
            file.write(json.dumps(example._asdict()) + "\n")


if __name__ == "__main__":
    import asyncio

    asyncio.run(main())
