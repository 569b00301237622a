"""Conversion of requests into commands and of outcomes into HTTP: command ids, idempotency, the deadline, statuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid4

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.errors import ApiError
from api.proxies import public_root
from api.routing import BODY, HEADERS
from domain.messages import Command, Refused
from streams.core.envelope import IdempotencyConflict, Outcome, Position, Problem, Status
from streams.core.gateway import Pending, Unavailable, command_id_for, envelop
from streams.core.ids import derived_id
from streams.core.refusals import TooLarge
from streams.core.secrets import Secrets
from streams.core.sizes import check_stored_size
from streams.engine import Engine
from streams.postgres.reads import Reads

DEADLINE_SECONDS = 5.0
MAX_KEY = 255
POSITION = "Headwater-Position"
LARGE_BODY = 300_000
"""Bytes from which the command that a body leads to is measured before it is submitted."""

VERSION = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')


class Fingerprints(NamedTuple):
    """The fingerprint of a request with an idempotency key, and the form of it that older outcomes hold."""

    current: str
    former: str


NO_KEY = Fingerprints("", "")
"""The fingerprints of a request without an idempotency key, whose command id is new."""


class Actions:
    """The write side of a surface: the engine's parts, and the statuses of refusals that are not answered 400."""

    def __init__(self, surface: str, engine: Engine, statuses: Mapping[type[Refused], int], secrets: Secrets) -> None:
        self.surface = surface
        self.gateway = engine.gateway
        self.reads = engine.reads
        self.clock = engine.clock
        self.partitions = engine.partitions
        self._refusals = engine.mapper.names.refusals
        self._statuses = statuses
        self._secrets = secrets

    def action(self, request: Request, caller: str, actor: str) -> Action:
        """One write of a caller. The same `Idempotency-Key` is the same command; raises ApiError 400 for a bad key."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return Action(self, request, actor, uuid4(), keyed=False)
        key = key.strip().strip('"')
        if not key or len(key) > MAX_KEY:
            raise ApiError(400, f"Idempotency-Key must have 1 to {MAX_KEY} characters", kind="InvalidInput")
        return Action(self, request, actor, command_id_for(self.surface, caller, key), keyed=True)

    def fingerprints(self, request: Request) -> Fingerprints:
        """The fingerprints of a request whose body, or a description of its parts, is in the scope under BODY."""
        scope, body = request.scope, request.scope[BODY]
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        message = f"{request.method} {path}\n".encode() + _canonical(body)
        former = sha256(f"{request.method} {scope['path']}\n".encode() + body).hexdigest()
        return Fingerprints(self._secrets.mac("fingerprint", message).hex(), former)

    def error_of(self, status: Status, problem: Problem) -> ApiError:
        """The error for a recorded problem. A name that no table lists (of newer code) is 400, as most are."""
        refusal = self._refusals.get(problem.type)
        code = 400 if refusal is None else self._statuses.get(refusal, 400)
        if refusal is TooLarge:
            return too_large(problem.sentence)
        failed = status is Status.FAILED
        return ApiError(500 if failed else code, problem.sentence, kind=refusal or "", details=problem.details or None)

    async def wait_for(self, request: Request) -> None:
        """Wait until the read models cover the position that the request names; raises ApiError 400 or 503."""
        given = request.headers.get(POSITION)
        if given is None:
            return
        try:
            covered = await self.reads.covers(Position.parse(given), DEADLINE_SECONDS)
        except (ValueError, LookupError):
            raise ApiError(400, f"Invalid {POSITION}: use what a write answered", kind="InvalidInput") from None
        if not covered:
            raise _not_yet("The read models have not reached that position yet")


class Action:
    """One write: its command id (the ids of what it creates derive from it), its time, and its submission."""

    def __init__(
        self,
        actions: Actions,
        request: Request,
        actor: str,
        command_id: UUID,
        *,
        keyed: bool,
        conditional: bool = True,
    ) -> None:
        self._actions = actions
        self.request = request
        self._actor = actor
        self.command_id = command_id
        self._keyed = keyed
        self._conditional = conditional
        self.at: datetime = actions.clock.now()

    @cached_property
    def _fingerprints(self) -> Fingerprints:
        """Made when a command is submitted: an endpoint may read the body itself."""
        return self._actions.fingerprints(self.request) if self._keyed else NO_KEY

    def new_id(self, what: str) -> UUID:
        """The id of a thing this write makes: the same for every retry with the same key."""
        return derived_id(self.command_id, what)

    def part(self, number: int, conditional: bool = True) -> Action:
        """The nth part of a write that consists of several commands, each with a separate outcome.

        A part that is not `conditional` concerns another stream than the one that If-Match is about.
        """
        return Action(
            self._actions,
            self.request,
            self._actor,
            derived_id(self.command_id, f"part {number}"),
            keyed=self._keyed,
            conditional=conditional,
        )

    async def repeated(self) -> bool:
        """Whether this write was decided before. A command submitted then gets the earlier outcome, or 409."""
        actions = self._actions
        return self._keyed and await actions.gateway.outcome(actions.surface, self.command_id) is not None

    async def submit(self, command: Command) -> Outcome:
        """Submit the command and return its outcome; raises ApiError for a refusal, a conflict or a missed deadline."""
        actions = self._actions
        envelope = envelop(
            command,
            actions.surface,
            actions.partitions,
            self._actor,
            self.command_id,
            fingerprint=self._fingerprints.current,
            former_fingerprint=self._fingerprints.former,
            expected_version=self._expected_version(),
            fresh=not self._keyed,
        )
        try:
            if len(self.request.scope.get(BODY, b"")) > LARGE_BODY:
                check_stored_size(command)
            outcome = await actions.gateway.submit(envelope, DEADLINE_SECONDS)
        except TooLarge as refusal:
            raise too_large(refusal.sentence) from None
        except IdempotencyConflict:
            raise ApiError(
                409, "This Idempotency-Key was used for a different request", kind="IdempotencyConflict"
            ) from None
        except Unavailable as unavailable:
            raise _unavailable(unavailable) from unavailable
        except Pending:
            raise self._pending() from None
        return self._answered(outcome)

    def _answered(self, outcome: Outcome) -> Outcome:
        headers = self.request.scope[HEADERS]
        headers[POSITION] = str(outcome.position)
        if outcome.replayed:
            headers["Idempotency-Replayed"] = "true"
        if outcome.problem is not None:
            raise self._actions.error_of(outcome.status, outcome.problem)
        return outcome

    async def covered(self, outcome: Outcome) -> Reads:
        """The read models, once they cover this outcome, for an answer that shows more; raises ApiError 503."""
        reads = self._actions.reads
        if not await reads.covers(outcome.position, DEADLINE_SECONDS):
            raise _not_yet("The write is recorded; the read models have not reached it yet")
        return reads

    def _expected_version(self) -> int | None:
        given = self.request.headers.get("if-match")
        if given is None or given.strip() == "*" or not self._conditional:
            return None
        version = VERSION.fullmatch(given.strip())
        if version is None:
            raise ApiError(400, "Invalid If-Match: use the ETag of an answer", kind="InvalidInput")
        return int(version[1])

    def accepted(self, answer: BaseModel) -> Response:
        """A 202 with what is known so far, and where to look for the outcome."""
        return Response(
            answer.__pydantic_serializer__.to_json(answer, by_alias=True), 202, self._whereabouts, "application/json"
        )

    @property
    def _whereabouts(self) -> dict[str, str]:
        where = f"{public_root(self.request.scope)}/outcomes/{self.command_id}"
        return {"Location": where, "Retry-After": "1"}

    def _pending(self) -> ApiError:
        headers = self._whereabouts
        return ApiError(
            202,
            "Accepted; the outcome is not known yet",
            kind="Pending",
            details=headers["Location"],
            headers=headers,
        )


def _not_yet(sentence: str) -> ApiError:
    return ApiError(503, sentence, kind="NotYet", headers={"Retry-After": "1"})


def too_large(sentence: str) -> ApiError:
    """A 413 for what is larger than a record of the log may be."""
    return ApiError(413, f"Content too large: {sentence}", kind="BodyTooLarge")


def _canonical(body: bytes) -> bytes:
    """Equal bytes for equal JSON, as a client may reorder members or change spacing on a retry; others unchanged."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return body


def _unavailable(cause: Unavailable) -> ApiError:
    details = (
        "the request may have been recorded; repeat it with the same Idempotency-Key to find out"
        if cause.maybe_recorded
        else "nothing was recorded; the request can be repeated"
    )
    return ApiError(
        503,
        "Service unavailable",
        kind="Unavailable",
        details=details,
        headers={"Retry-After": str(max(1, round(cause.retry_after)))},
    )
