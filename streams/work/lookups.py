"""Attempts at calls that cannot simply be repeated: after one without an answer, the provider's list is asked.

What is listed was taken. What several looks do not find was not: it is sent once more. A second time without an answer
and in the list, or where the provider cannot tell, the fate of the call stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.messages import Effect
from streams.core.calls import Accepted, AnyConnector, Deferred, Listed, Unknown, Verdict, find
from streams.core.envelope import Doubt
from streams.work.attempts import backoff

PAUSES = (5.0, 30.0, 120.0)
"""Seconds before the second and further looks: a list may show what was taken a little later."""

MOST_FAILED = 8
"""Looks that could not be made before the fate of a call stays unknown."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The call may have gone out. The provider's list is asked again after so many seconds."""

    doubt: Doubt
    after: float


async def attempted(
    connector: AnyConnector, effect: Effect, key: str, doubt: Doubt | None, now: datetime
) -> Verdict | InDoubt:
    """Make the call or, in doubt, look for it first. `now` is the time before the attempt."""
    if doubt is not None:
        return await _looked_up(connector, effect, key, doubt)
    verdict = await connector(effect, key)
    if connector.idempotent or not isinstance(verdict, Unknown):
        return verdict
    found = await _looked_up(connector, effect, key, Doubt(since=now, reason=verdict.reason))
    return verdict if isinstance(found, Unknown) else found  # with its output


def doubt_of_left_call(doubt: Doubt | None, since: datetime) -> Doubt:
    """The doubt about a call whose worker has ended: it was sent, or perhaps sent once more."""
    if doubt is None:
        return Doubt(since=since, reason="the process that made this call ended before the answer came")
    return doubt.model_copy(update={"absent": 0, "resent": doubt.resent or doubt.absent >= len(PAUSES)})


async def _looked_up(connector: AnyConnector, effect: Effect, key: str, doubt: Doubt) -> Verdict | InDoubt:
    finding = await find(connector, effect, doubt.since)
    match finding:
        case Listed((first, *_)):
            return Accepted(first)
        case Unknown():
            return Unknown(doubt.reason)
        case Deferred(after=after):
            return _asked_again(doubt, after)
        case Listed():
            return await _absent(connector, effect, key, doubt)


def _asked_again(doubt: Doubt, after: float | None) -> Verdict | InDoubt:
    failed = doubt.failed + 1
    if failed > MOST_FAILED:
        return Unknown(f"{doubt.reason}, and the provider could not be asked")
    return InDoubt(doubt.model_copy(update={"failed": failed}), backoff(failed, 1.0) if after is None else after)


async def _absent(connector: AnyConnector, effect: Effect, key: str, doubt: Doubt) -> Verdict | InDoubt:
    if doubt.absent < len(PAUSES):
        return InDoubt(doubt.model_copy(update={"absent": doubt.absent + 1}), PAUSES[doubt.absent])
    if doubt.resent:
        return Unknown(f"{doubt.reason}, and the provider lists nothing like it")
    verdict = await connector(effect, key)
    if not isinstance(verdict, Unknown):
        return verdict
    again = Doubt(since=doubt.since, reason=verdict.reason, resent=True)
    return await _looked_up(connector, effect, key, again)
