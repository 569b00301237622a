"""HTTP exchange with a provider: its time limits, and the verdict of every answer that is no success."""

from __future__ import annotations

import asyncio
import copy
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple, Self

import httpx2

from connectors.provider_json import Fields, fields_of, recordable, value_of
from connectors.retry_after import PHASES, retry_after, unanswered
from streams.core.calls import Deferred, Rejected, Unknown, begin_call

NOT_PROCESSED = frozenset({408, 429, 503})
"""Statuses of requests that were not processed: not received whole, too many, not able to take any now."""

GATEWAY = frozenset({502, 504, *range(520, 530)})
"""Statuses of a gateway that had no answer itself (52x are a common proxy's): as good as no answer."""

ANSWERED = {"answered": True}
"""Output of an Unknown whose exchange is over: the provider failed by itself, and works on the request no more.

So a look-up that finds nothing is evidence that nothing was taken, which it is not after a request without an answer.
"""

CREDENTIALS = "credentials"
"""The code of a refused key or token."""

BAD_ANSWER = "bad_answer"
"""The code of an answer that cannot be read, where reading it again may help."""

LONGEST_REASON = 500


@cache
def trust() -> ssl.SSLContext:
    """The trust in public certificates: read once, as that takes longer than a request."""
    return httpx2.create_ssl_context()


class Problem(NamedTuple):
    """The provider's own name of a failure, and its sentence; either may be empty."""

    code: str = ""
    sentence: str = ""


class Body(NamedTuple):
    """The JSON of an answer."""

    value: object


Failure = Rejected | Deferred | Unknown


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is a provider's own in the answers that are no success.

    `problem` reads an error's body, `wait` the seconds that the provider asks to wait, `clean` takes personal values
    out of its sentences. `special` is the verdict of an answer whose status does not tell it; None for all others.
    """

    problem: Callable[[Fields], Problem]
    wait: Callable[[httpx2.Headers, datetime], float | None] = retry_after
    clean: Callable[[str], str] = str
    special: Callable[[httpx2.Response, Problem], Failure | None] = lambda _response, _problem: None


class HttpClient:
    """The HTTP client of one provider, with a bearer key that stands in no verdict; `transport` replaces httpx's own.

    An empty key is none: a local server may need no credentials.

    `name` is the provider's in sentences. `timeout_seconds` bounds each step of a request (PHASES). Redirects are not
    followed.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        key: str,
        dialect: Dialect,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 10.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._key = key
        self._dialect = dialect
        self._deadline = PHASES * timeout_seconds
        self._client = httpx2.AsyncClient(
            base_url=base_url,
            headers={"User-Agent": "headwater"} | dict(headers or {}),
            timeout=timeout_seconds,
            transport=transport,
            verify=trust(),
        )

    def with_key(self, key: str) -> Self:
        """This client with the key of another account. Connections are shared, and closed with either."""
        other = copy.copy(self)
        other._key = key
        return other

    async def exchange(
        self,
        method: str,
        path: str,
        json: Mapping[str, object] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response | Deferred | Unknown:
        """The answer, whatever its status; a verdict if none came."""
        given = ({"Authorization": f"Bearer {self._key}"} if self._key else {}) | dict(headers or {})
        begin_call()
        try:
            async with asyncio.timeout(self._deadline):
                return await self._client.request(method, path, json=json, data=form, headers=given)
        except (httpx2.RequestError, TimeoutError) as error:
            return unanswered(error)

    async def read(self, path: str, headers: Mapping[str, str] | None = None) -> Body | Deferred | Rejected:
        """The JSON at a path. Reading changes nothing, so that every failure that may pass is Deferred."""
        answer = await self.exchange("GET", path, headers=headers)
        match self.failure(answer) if isinstance(answer, httpx2.Response) and not answer.is_success else answer:
            case Unknown(reason):
                return Deferred("unreachable", reason)
            case Deferred() | Rejected() as failure:
                return failure
            case response:
                return self._body(response)

    def failure(self, response: httpx2.Response) -> Failure:
        """The verdict of an answer that is no success."""
        problem = self._problem(response)
        verdict = self._dialect.special(response, problem) or self._by_status(response, problem)
        if isinstance(verdict, Deferred) and verdict.after is None:
            return replace(verdict, after=self._dialect.wait(response.headers, datetime.now(UTC)))
        return verdict

    def _by_status(self, response: httpx2.Response, problem: Problem) -> Failure:
        status = response.status_code
        if status in NOT_PROCESSED:
            return Deferred(problem.code, problem.sentence)
        if status in GATEWAY:
            return Unknown(f"a gateway of {self.name} answered {status}, which may follow a request that was taken")
        if response.is_server_error:
            reason = f"{self.name} answered {status}, which may follow a request that was taken"
            return Unknown(reason, output=dict(ANSWERED))
        return Rejected(CREDENTIALS if status == 401 else problem.code, problem.sentence)

    def _problem(self, response: httpx2.Response) -> Problem:
        code, sentence = self._dialect.problem(fields_in_answer(response))
        status = response.status_code
        unkeyed = sentence.replace(self._key, "[key]") if self._key else sentence
        said = self._dialect.clean(unkeyed) or f"{self.name} answered {status}"
        return Problem(recordable(code) or f"http_{status}", _printable(said))

    async def close(self) -> None:
        await self._client.aclose()

    def _body(self, response: httpx2.Response) -> Body | Deferred:
        try:
            return Body(value_of(response.content.decode(errors="replace")))
        except ValueError:
            return Deferred(BAD_ANSWER, f"{self.name} answered {response.status_code} without JSON")


def fields_in_answer(response: httpx2.Response) -> Fields:
    """The fields of the JSON object that an answer holds; none of anything else."""
    try:
        return fields_of(response.content.decode(errors="replace"))
    except ValueError:
        return {}


def _printable(text: str) -> str:
    whole = "".join(character if character.isprintable() else " " for character in text[: 4 * LONGEST_REASON])
    return recordable(whole, LONGEST_REASON)
