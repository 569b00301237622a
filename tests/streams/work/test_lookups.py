"""Calls whose fate is unknown: looked up, sent once more where they are not there, never a third time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.messages import Effect
from streams.core.calls import Accepted, Deferred, Finding, Listed, Rejected, Unknown, Verdict
from streams.core.envelope import Doubt
from streams.work.lookups import MOST_FAILED, PAUSES, InDoubt, attempted, doubt_of_left_call

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LOST, LATER = Unknown("no answer came"), Deferred("http_503", "not now", 7.0)
ABSENT, FOUND = Listed(), Listed(("SM1", "SM2"))


class Silent(Effect, name="test.silent.v1"):
    """Something that is sent."""


class Provider:
    """Answers calls and looks as it is told, in order; counts them."""

    provider = "scripted"
    idempotent = False

    def __init__(self, answers: list[Verdict], findings: list[Finding]) -> None:
        self.answers, self.findings = answers, findings
        self.sent, self.looks = 0, 0
        self.asked_since: list[datetime] = []

    async def __call__(self, effect: Effect, key: str) -> Verdict:
        self.sent += 1
        return self.answers.pop(0)

    async def find(self, effect: Effect, since: datetime) -> Finding:
        self.looks += 1
        self.asked_since.append(since)
        return self.findings.pop(0)

    async def close(self) -> None:
        """Nothing to close."""


class Untraceable:
    """A provider that keeps no list."""

    provider = "scripted"
    idempotent = False

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, effect: Effect, key: str) -> Verdict:
        self.sent += 1
        return LOST

    async def close(self) -> None:
        """Nothing to close."""


async def followed(provider: Provider, doubt: Doubt | None = None) -> tuple[Verdict, list[float]]:
    """The verdict in the end, and the pauses between the attempts."""
    pauses: list[float] = []
    while True:
        verdict = await attempted(provider, Silent(), "key", doubt, NOW)
        if not isinstance(verdict, InDoubt):
            return verdict, pauses
        doubt = verdict.doubt
        pauses.append(verdict.after)


async def test_what_the_provider_lists_at_once_was_sent_and_is_not_sent_again() -> None:
    provider = Provider([LOST], [FOUND])
    assert await followed(provider) == (Accepted("SM1"), [])
    assert (provider.sent, provider.asked_since) == (1, [NOW])


@pytest.mark.parametrize("looks", range(1, len(PAUSES) + 1))
async def test_what_is_listed_later_is_found_by_a_later_look(looks: int) -> None:
    provider = Provider([LOST], [*[ABSENT] * looks, FOUND])
    assert await followed(provider) == (Accepted("SM1"), list(PAUSES[:looks]))
    assert provider.sent == 1


async def test_what_no_look_finds_is_sent_once_more() -> None:
    provider = Provider([LOST, Accepted("SM3")], [ABSENT] * 4)
    assert await followed(provider) == (Accepted("SM3"), list(PAUSES))
    assert (provider.sent, provider.looks) == (2, 4)


async def test_what_is_lost_a_second_time_is_looked_for_again() -> None:
    provider = Provider([LOST, LOST], [*[ABSENT] * 5, FOUND])
    assert await followed(provider) == (Accepted("SM1"), [*PAUSES, PAUSES[0]])
    assert set(provider.asked_since) == {NOW}


async def test_it_is_never_sent_a_third_time() -> None:
    provider = Provider([LOST, LOST], [ABSENT] * 8)
    verdict, pauses = await followed(provider)
    assert verdict == Unknown("no answer came, and the provider lists nothing like it")
    assert (provider.sent, provider.looks, pauses) == (2, 8, [*PAUSES, *PAUSES])


async def test_a_refusal_of_the_second_sending_is_one() -> None:
    refused = Rejected("21610", "has sent STOP")
    assert (await followed(Provider([LOST, refused], [ABSENT] * 4)))[0] == refused


async def test_a_second_sending_that_is_put_off_is_made_later_after_another_look() -> None:
    provider = Provider([LOST, LATER, Accepted("SM3")], [ABSENT] * 5)
    doubt = Doubt(since=NOW, reason="no answer came", absent=len(PAUSES))
    assert await attempted(Provider([LATER], [ABSENT]), Silent(), "key", doubt, NOW) == LATER
    assert (await followed(provider))[0] == LATER
    assert await followed(provider, doubt) == (Accepted("SM3"), [])


async def test_a_list_that_cannot_be_read_is_asked_again_for_a_while() -> None:
    provider = Provider([LOST], [LATER, Deferred("unreachable", "no"), FOUND])
    assert await followed(provider) == (Accepted("SM1"), [7.0, 2.0])
    provider = Provider([LOST], [LATER] * (MOST_FAILED + 1))
    verdict, pauses = await followed(provider)
    assert verdict == Unknown("no answer came, and the provider could not be asked")
    assert (provider.sent, len(pauses)) == (1, MOST_FAILED)


async def test_where_the_provider_cannot_tell_the_fate_stays_unknown() -> None:
    assert await followed(Provider([LOST], [Unknown("redacted")])) == (LOST, [])
    untraceable = Untraceable()
    assert await attempted(untraceable, Silent(), "key", None, NOW) == LOST
    assert untraceable.sent == 1


async def test_what_an_unknown_outcome_says_beside_its_reason_is_kept_where_the_provider_cannot_tell() -> None:
    failed = Unknown("the provider answered 500", output={"answered": True})
    assert await attempted(Provider([failed], [Unknown("no list")]), Silent(), "key", None, NOW) == failed


async def test_a_clear_answer_is_not_looked_up() -> None:
    for answer in (Accepted("SM1"), Rejected("21211", "no number"), LATER):
        provider = Provider([answer], [])
        assert await followed(provider) == (answer, [])
        assert provider.looks == 0


async def test_a_provider_that_recognises_repeats_is_not_asked() -> None:
    provider = Provider([LOST], [])
    provider.idempotent = True
    assert await followed(provider) == (LOST, [])


async def test_a_call_whose_worker_ended_is_looked_for_before_anything_is_sent() -> None:
    provider = Provider([], [FOUND])
    assert await followed(provider, doubt_of_left_call(None, NOW)) == (Accepted("SM1"), [])
    assert provider.sent == 0


async def test_a_worker_that_ended_while_it_may_have_sent_once_more_has_done_so() -> None:
    looking = Doubt(since=NOW - timedelta(hours=1), reason="no answer came", absent=1)
    left = doubt_of_left_call(looking, NOW)
    assert (left.since, left.absent, left.resent) == (looking.since, 0, False)
    sending = looking.model_copy(update={"absent": len(PAUSES)})
    provider = Provider([], [ABSENT] * 4)
    verdict, _ = await followed(provider, doubt_of_left_call(sending, NOW))
    assert isinstance(verdict, Unknown)
    assert provider.sent == 0
