"""Attempts at outside calls: the attempt that a verdict makes, and the time of the next one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domain.messages import Attempt, Reply, Result
from streams.core.calls import Accepted, Deferred, Rejected, Unknown, Verdict
from streams.core.refusals import TooLarge
from streams.core.sizes import check_stored_size

MAX_ATTEMPTS = 8
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 300.0


def may_repeat(attempts: int, idempotent: bool) -> bool:
    """Whether to repeat an attempt with unknown outcome automatically: only where the provider recognises repeats."""
    return idempotent and attempts < MAX_ATTEMPTS


def backoff(attempts: int, jitter: float) -> float:
    """Seconds until the next attempt: one second, doubled up to five minutes, times `jitter` (0.5 to 1)."""
    return min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** (attempts - 1)) * jitter


def attempt_in_doubt(reason: str, after: float, number: int, provider: str, now: datetime) -> Attempt:
    """The attempt of a call that may have gone out, and is looked up after so many seconds."""
    return Attempt(
        result=Result.DEFERRED,
        number=number,
        provider=provider,
        code="unknown",
        reason=reason,
        retry_at=now + timedelta(seconds=after),
    )


def attempt_of(verdict: Verdict, number: int, provider: str, repeatable: bool, now: datetime, jitter: float) -> Attempt:
    """The attempt that a connector's verdict makes: accepted, rejected, deferred or unconfirmed."""
    known: dict[str, Any] = {"number": number, "provider": provider, "output": verdict.output}
    match verdict:
        case Accepted():
            return Attempt(result=Result.ACCEPTED, provider_id=verdict.provider_id, **known)
        case Rejected(code, reason):
            return Attempt(result=Result.REJECTED, code=code, reason=reason, **known)
        case Deferred(code, reason, _) if number >= MAX_ATTEMPTS:
            given_up = f"given up after {number} attempts: {reason}"
            return Attempt(result=Result.REJECTED, code=code, reason=given_up, worn_out=True, **known)
        case Deferred(code, reason, after):
            retry_at = now + timedelta(seconds=backoff(number, jitter) if after is None else after)
            return Attempt(result=Result.DEFERRED, code=code, reason=reason, retry_at=retry_at, **known)
        case Unknown(reason) if repeatable:
            retry_at = now + timedelta(seconds=backoff(number, jitter))
            return Attempt(result=Result.DEFERRED, code="unknown", reason=reason, retry_at=retry_at, **known)
        case Unknown(reason):
            return Attempt(result=Result.UNCONFIRMED, reason=reason, **known)


def answer_of(reply: Reply, attempt: Attempt, now: datetime) -> Reply:
    """The reply with its attempt; one that no record could hold becomes a rejection."""
    answer = reply.answered(attempt, now)
    try:
        check_stored_size(answer)
    except TooLarge as refusal:
        return reply.answered(without_output(attempt, refusal), now)
    return answer


def without_output(attempt: Attempt, refusal: TooLarge) -> Attempt:
    """The attempt as a rejection: what it gave is lost, and the call, which may have been paid, is not made again."""
    given_up = {"code": "too_large", "reason": refusal.sentence, "output": None, "retry_at": None}
    return attempt.model_copy(update={"result": Result.REJECTED, **given_up})
