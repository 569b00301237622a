"""Kafka gateway: sends commands from an API process or a worker to the log, and reads outcomes from PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from confluent_kafka import KafkaException
from psycopg import AsyncConnection

from streams.core.batch import KnownOutcome
from streams.core.commits import Commits
from streams.core.envelope import Envelope, IdempotencyConflict, Outcome
from streams.core.gateway import Pending, Unavailable
from streams.core.mapper import Mapper
from streams.core.outcomes import decode_outcome
from streams.core.read_models import Row
from streams.core.sizes import check_size
from streams.kafka.claims import Claims
from streams.kafka.denials import Denied
from streams.kafka.processor_store import BY_INDEX
from streams.kafka.producer import CommandProducer
from streams.kafka.settings import Cluster
from streams.kafka.subject_keys import NoNewKey, SubjectKeys
from streams.postgres.database import connect, passing
from streams.postgres.journal import loaded, outcomes

log = logging.getLogger(__name__)

CHANNEL = "headwater"
WAITING = 20_000
LOOKUP_BATCH = 2000
POLL_SECONDS = 1.0
RECONNECT_SECONDS = 0.3
NO_NEW_KEY = "the key of a person is missing, or the database does not cover the log yet (headwater status)"

FingerprintedOutcome = tuple[str, Outcome]
"""Fingerprint and the outcome recorded under it."""


class OutcomeLookup(NamedTuple):
    """Lookup of an outcome, which also claims the command id for a fingerprint if one is given.

    `former` is the same fingerprint in the form that older nodes claim for. `repeated` says that it has failed once.
    """

    context: str
    command_id: UUID
    claim: str
    former: str
    found: asyncio.Future[FingerprintedOutcome | None]
    repeated: bool = False


@dataclass(slots=True, eq=False)
class AwaitedCommand:
    """Command with waiters for its outcome. `delivered` says that the log has the command."""

    context: str
    command_id: UUID
    waiters: list[asyncio.Future[FingerprintedOutcome]] = field(default_factory=list)
    delivered: bool = False

    def mark_delivered(self) -> None:
        """Note that the log has the command. Safe to call in any thread."""
        self.delivered = True


class KafkaGateway:
    """Gateway that submits commands and waits for their outcomes. Any number may serve one installation."""

    def __init__(
        self,
        cluster: Cluster,
        dsn: str,
        mapper: Mapper,
        waiting: int = WAITING,
        log_ends: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self._dsn, self._mapper, self._limit = dsn, mapper, waiting
        self.commits = Commits()
        self._commands = CommandProducer(cluster, self._failed)
        self.on_failure: Callable[[Denied | KafkaException], None] = lambda _: None
        """Called when no more commands can be sent to the log until the process starts again."""
        self._keys = SubjectKeys(dsn, mapper.keyring, log_ends or {})
        self._awaited: dict[UUID, AwaitedCommand] = {}
        self._lookups: list[OutcomeLookup] = []
        self._claims = Claims()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connection: AsyncConnection[Row] | None = None
        self._closing = False

    async def start(self) -> None:
        """Start to serve; the broker and the database may become available later."""
        self._commands.start(asyncio.get_running_loop())
        self._tasks = [
            asyncio.create_task(self._repeat(self._listen), name="outcomes announced"),
            asyncio.create_task(self._repeat(self._fetch), name="outcomes fetched"),
        ]

    async def stop(self) -> None:
        """Refuse new commands, send the queued ones, and close all connections."""
        self._closing = True
        await self._commands.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keys.close()
        if self._connection is not None:
            await self._connection.close()

    @property
    def connected(self) -> bool:
        """Whether commands can be sent and outcomes be read, as far as this process knows."""
        return self._commands.connected and self._connection is not None and not self._connection.closed

    @property
    def waiting(self) -> int:
        """Number of commands, sent or queued, whose outcomes are not visible yet."""
        return len(self._awaited)

    def _failed(self, failure: Denied | KafkaException) -> None:
        self.on_failure(failure)

    async def submit(self, envelope: Envelope, timeout_seconds: float) -> Outcome:
        """See `Gateway.submit`."""
        self._check_room()
        known = await self._known_outcome(envelope)
        if known is not None:
            return _outcome_for(envelope, known, replayed=True)
        await self._ensure_keys(envelope)
        awaited = self._awaited.get(envelope.command_id)
        first = awaited is None
        if awaited is None:
            awaited = self._produce(envelope)
        return _outcome_for(envelope, await self._await_answer(awaited, timeout_seconds), replayed=not first)

    async def outcome(self, context: str, command_id: UUID) -> Outcome | None:
        """Look an outcome up (see `Gateway.outcome`); raises Unavailable when the database is away."""
        known = await self._find(context, command_id)
        if known is None:
            return None
        _, outcome = known
        return outcome

    def _check_room(self) -> None:
        if self._closing:
            raise Unavailable("the service is shutting down", maybe_recorded=False)
        if not self._commands.connected:
            raise Unavailable("the log is not available", maybe_recorded=False, retry_after=2.0)
        if len(self._awaited) >= self._limit:
            raise Unavailable("too many commands are waiting", maybe_recorded=False)

    async def _known_outcome(self, envelope: Envelope) -> FingerprintedOutcome | None:
        if envelope.fresh or envelope.command_id in self._awaited:
            return None
        return await self._find(
            envelope.context, envelope.command_id, envelope.fingerprint, envelope.former_fingerprint
        )

    async def _await_answer(self, awaited: AwaitedCommand, timeout_seconds: float) -> FingerprintedOutcome:
        """One future and timer per waiter: `asyncio.wait_for` with `shield` measured three times slower."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[FingerprintedOutcome] = loop.create_future()
        awaited.waiters.append(answer)
        late = loop.call_later(timeout_seconds, lambda: _settle(answer, _timeout_error(awaited)))
        try:
            return await answer
        finally:
            late.cancel()
            self._remove_waiter(awaited, answer)

    def _produce(self, envelope: Envelope) -> AwaitedCommand:
        awaited = AwaitedCommand(envelope.context, envelope.command_id)
        data, alone = self._mapper.encode(envelope.command), not self._awaited
        check_size(data)
        try:
            self._commands.send(
                envelope, data, awaited.mark_delivered, lambda lost: self._settle_all(awaited, lost), alone
            )
        except BufferError:
            raise Unavailable("too many commands are queued", maybe_recorded=False) from None
        self._awaited[envelope.command_id] = awaited
        return awaited

    def _settle_all(self, awaited: AwaitedCommand, answer: FingerprintedOutcome | Exception) -> None:
        """The command is removed first, so that later requests for it look its outcome up."""
        if self._awaited.get(awaited.command_id) is awaited:
            del self._awaited[awaited.command_id]
        for waiter in awaited.waiters:
            _settle(waiter, answer)

    def _remove_waiter(self, awaited: AwaitedCommand, answer: asyncio.Future[FingerprintedOutcome]) -> None:
        awaited.waiters.remove(answer)
        if answer.done() and not answer.cancelled():
            answer.exception()  # marks it as retrieved, even if the waiter was cancelled in the same instant
        if not awaited.waiters and self._awaited.get(awaited.command_id) is awaited:
            del self._awaited[awaited.command_id]

    async def _ensure_keys(self, envelope: Envelope) -> None:
        if envelope.command.seals:
            try:
                await self._keys.ensure(envelope.command.subjects)
            except psycopg.OperationalError:
                raise Unavailable("the database is not available", maybe_recorded=False) from None
            except NoNewKey:
                raise Unavailable(NO_NEW_KEY, maybe_recorded=False, retry_after=2.0) from None

    # --- outcomes ---------------------------------------------------------------------------------------------------

    async def _find(
        self, context: str, command_id: UUID, claim: str = "", former: str = ""
    ) -> FingerprintedOutcome | None:
        found: asyncio.Future[FingerprintedOutcome | None] = asyncio.get_running_loop().create_future()
        self._lookups.append(OutcomeLookup(context, command_id, claim, former, found))
        self._wake.set()
        return await found

    async def _repeat(self, serve: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await serve()
            except psycopg.Error as error:
                log.warning("the database is not available to the gateway: %s", error)
                self._reject(self._lookups)
                self._lookups = []
                await asyncio.sleep(RECONNECT_SECONDS)

    def _reject(self, lookups: Iterable[OutcomeLookup]) -> None:
        """Lookups fail at once; waiters whose commands have been sent keep waiting for the database."""
        for lookup in lookups:
            if not lookup.found.done():
                lookup.found.set_exception(Unavailable("the database is not available", maybe_recorded=False))

    async def _listen(self) -> None:
        async with await connect(self._dsn, "headwater gateway") as connection:
            await connection.execute(f"listen {CHANNEL}")
            self._wake.set()
            async for _ in connection.notifies():
                self._wake.set()
                self.commits.announce()

    async def _fetch(self) -> None:
        self._connection = await connect(self._dsn, "headwater gateway")
        try:
            await self._connection.execute(BY_INDEX)
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
                if not await self._fetch_once(self._connection):
                    return
        finally:
            await self._connection.close()

    async def _fetch_once(self, connection: AsyncConnection[Row]) -> bool:
        """Answer what can be answered; False when its lookups need another connection, this one having died idle."""
        lookups, self._lookups = self._lookups, []
        wanted = {(awaited.context, awaited.command_id) for awaited in self._awaited.values()}
        wanted |= {(lookup.context, lookup.command_id) for lookup in lookups}
        try:
            claimed = await self._claims.claim(connection, {one.command_id: one.claim for one in lookups if one.claim})
            found = await self._outcomes(connection, list(wanted))
        except psycopg.Error as error:
            if self._repeat_lookups(lookups) and passing(error):
                return False
            raise
        for lookup in lookups:
            conflict = claimed.get(lookup.command_id, lookup.claim) not in (lookup.claim, lookup.former or lookup.claim)
            answer = IdempotencyConflict(str(lookup.command_id)) if conflict else found.get(lookup.command_id)
            _settle(lookup.found, answer)
        for command_id, answer in found.items():
            if (awaited := self._awaited.get(command_id)) is not None:
                self._settle_all(awaited, answer)
        return True

    def _repeat_lookups(self, lookups: Sequence[OutcomeLookup]) -> bool:
        """Queue them again, but for those that fail for the second time; whether any is queued."""
        self._reject(one for one in lookups if one.repeated)
        first = [one._replace(repeated=True) for one in lookups if not one.repeated]
        self._lookups += first
        if first:
            self._wake.set()
        return bool(first)

    async def _outcomes(
        self, connection: AsyncConnection[Row], wanted: Sequence[tuple[str, UUID]]
    ) -> dict[UUID, FingerprintedOutcome | Exception]:
        answers: dict[UUID, FingerprintedOutcome | Exception] = {}
        for start in range(0, len(wanted), LOOKUP_BATCH):
            cursor = await connection.execute(*outcomes(wanted[start : start + LOOKUP_BATCH]))
            answers |= self._answers(await cursor.fetchall())
        return answers

    def _answers(self, rows: Iterable[Row]) -> dict[UUID, FingerprintedOutcome | Exception]:
        found = loaded([list(rows), [], [], []])
        for key in found.keys:
            self._mapper.keyring.learn(key)
        answers = {command_id: self._answer(known) for command_id, known in found.outcomes.items()}
        self._mapper.keyring.trim()
        return answers

    def _answer(self, known: KnownOutcome) -> FingerprintedOutcome | Exception:
        try:
            return decode_outcome(self._mapper, known)
        except Exception as error:
            log.exception("the outcome at %s cannot be decoded", known.record.position)
            return error


def _settle(future: asyncio.Future[Any], answer: FingerprintedOutcome | Exception | None) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _timeout_error(awaited: AwaitedCommand) -> Exception:
    if awaited.delivered:
        return Pending(awaited.command_id)
    return Unavailable("the command could not be recorded in time", maybe_recorded=True)


def _outcome_for(envelope: Envelope, answer: FingerprintedOutcome, replayed: bool) -> Outcome:
    fingerprint, outcome = answer
    if not envelope.is_request(fingerprint):
        raise IdempotencyConflict(str(envelope.command_id))
    return outcome._replace(replayed=replayed)
