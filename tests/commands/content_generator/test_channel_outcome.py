"""The answers of a job's channels, in any order and however late."""

from __future__ import annotations

from itertools import permutations

import pytest

from domain.content_generator.kinds import Channel, JobStatus
from domain.content_generator.sync_job import (
    ChannelConfirmed,
    ChannelDelivered,
    ChannelFailed,
    ChannelUnconfirmed,
    SyncJobCompleted,
    SyncJobFailed,
    SyncJobPartiallyCompleted,
)
from domain.messages import Event
from streams.testing import Scenario
from tests.commands.content_generator.stories import (
    EMAIL,
    HOUR,
    NOW,
    TWITTER,
    WEBSITE,
    only,
    outcome,
    retried_job,
)
from tests.commands.content_generator.test_sync_job import PINNED

ENDS = (SyncJobCompleted, SyncJobPartiallyCompleted, SyncJobFailed)


def end(scenario: Scenario) -> Event:
    (found,) = [event for event in scenario.produced if isinstance(event, ENDS)]
    return found


def after(**words: str) -> Scenario:
    """The job with these answers."""
    story = PINNED
    for channel, word in words.items():
        story = story.when(outcome(Channel(channel), word))
    return story


@pytest.mark.parametrize("order", list(permutations([EMAIL, WEBSITE, TWITTER])))
def test_the_last_answer_ends_the_run_in_any_order(order: tuple[Channel, ...]) -> None:
    story = PINNED
    for channel in order[:2]:
        story = story.when(outcome(channel)).then_kinds(ChannelDelivered)
    story.when(outcome(order[2])).then_kinds(ChannelDelivered, SyncJobCompleted)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("delivered", "delivered", "delivered"), SyncJobCompleted),
        (("delivered", "failed", "delivered"), SyncJobPartiallyCompleted),
        (("delivered", "unconfirmed", "unconfirmed"), SyncJobPartiallyCompleted),
        (("unconfirmed", "failed", "unconfirmed"), SyncJobFailed),
        (("failed", "failed", "failed"), SyncJobFailed),
    ],
)
def test_a_run_is_complete_partial_or_failed_by_what_was_delivered(words: tuple[str, ...], kind: type[Event]) -> None:
    assert type(end(after(email=words[0], website=words[1], twitter=words[2]))) is kind


def test_an_end_holds_every_result_and_error_in_the_order_of_the_channels() -> None:
    over = only(after(twitter="unconfirmed", website="failed", email="delivered"), SyncJobPartiallyCompleted)
    assert list(over.results) == [EMAIL, WEBSITE, TWITTER]
    assert [result.status for result in over.results.values()] == ["posted", "failed", "unconfirmed"]
    assert [error.channel for error in over.errors] == [WEBSITE, TWITTER]
    assert (over.was, over.restated) == (JobStatus.IN_PROGRESS, False)


def test_an_answer_that_is_repeated_changes_nothing() -> None:
    for word in ("delivered", "failed", "unconfirmed"):
        after(email=word).when(outcome(EMAIL, word)).then_nothing()


def test_a_delivered_channel_stays_delivered() -> None:
    for word in ("failed", "unconfirmed"):
        after(email="delivered").when(outcome(EMAIL, word)).then_nothing()


def test_a_channel_that_the_job_does_not_have_changes_nothing() -> None:
    PINNED.when(outcome(Channel.FACEBOOK)).then_nothing()
    PINNED.when(outcome(EMAIL, run=1)).then_nothing()


LOST = after(email="delivered", website="delivered", twitter="unconfirmed")


def test_a_late_confirmation_restates_the_run() -> None:
    confirmed = LOST.when(outcome(TWITTER, at=NOW + HOUR))
    confirmed.then_kinds(ChannelConfirmed, SyncJobCompleted)
    over = only(confirmed, SyncJobCompleted)
    assert (over.was, over.restated, over.errors) == (JobStatus.PARTIAL, True, ())


def test_a_late_failure_of_an_unconfirmed_channel_restates_the_run_and_lets_it_be_retried() -> None:
    failed = LOST.when(outcome(TWITTER, "failed", code="resolved"))
    failed.then_kinds(ChannelFailed, SyncJobPartiallyCompleted)
    assert [error.code for error in only(failed, SyncJobPartiallyCompleted).errors] == ["resolved"]
    assert failed.when(retried_job()).refusal is None


def test_a_confirmation_while_others_are_open_does_not_end_the_run() -> None:
    story = after(twitter="unconfirmed", email="delivered")
    story.when(outcome(TWITTER)).then_kinds(ChannelConfirmed)


RETRIED = after(email="failed", website="delivered", twitter="unconfirmed").when(retried_job())


def test_a_confirmation_of_an_earlier_run_restates_that_run_alone() -> None:
    confirmed = RETRIED.when(outcome(TWITTER))
    confirmed.then_kinds(ChannelConfirmed, SyncJobPartiallyCompleted)
    over = only(confirmed, SyncJobPartiallyCompleted)
    assert (over.run, [error.channel for error in over.errors]) == (0, [EMAIL])
    confirmed.when(outcome(EMAIL, run=1)).then_kinds(ChannelDelivered, SyncJobCompleted)


def test_an_earlier_runs_delivery_settles_the_channel_of_the_run_under_way() -> None:
    again = after(email="delivered", website="delivered", twitter="unconfirmed").when(
        retried_job(repeat_unconfirmed=True)
    )
    found = again.when(outcome(TWITTER, run=0))
    found.then_kinds(ChannelDelivered, SyncJobCompleted)
    assert only(found, SyncJobCompleted).run == 1


def test_an_earlier_runs_failure_says_nothing_of_the_run_under_way() -> None:
    RETRIED.when(outcome(EMAIL, "failed", run=0)).then_nothing()


def test_an_earlier_runs_failure_says_nothing_of_a_later_unconfirmed_one() -> None:
    """Or the channel would be retried without a person's word, though the later run may have delivered it."""
    again = LOST.when(retried_job(repeat_unconfirmed=True)).when(outcome(TWITTER, "unconfirmed", run=1))
    again.then_kinds(ChannelUnconfirmed, SyncJobFailed)
    again.when(outcome(TWITTER, "failed", run=0)).then_nothing()
