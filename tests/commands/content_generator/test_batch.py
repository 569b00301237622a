"""The batches of a campaign: a few in flight, each answered for itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from commands.content_generator.batch import StartSending
from domain.content_generator.campaign import (
    AT_ONCE,
    BatchFailed,
    BatchSent,
    BatchUnconfirmed,
    CampaignFailed,
    CampaignSent,
    SendingStarted,
)
from tests.commands.content_generator.campaigns import REQUESTED, batch, of_job, resolved, sending
from tests.commands.content_generator.stories import CAMPAIGN_ID, NOW, deferred, only

START = StartSending(at=NOW, campaign_id=CAMPAIGN_ID, position=40)


def test_the_sending_starts_with_a_few_batches() -> None:
    started = only(sending(REQUESTED, 6), SendingStarted)
    assert (started.first, started.following, started.position, started.round) == ((1, 2, 3, 4), (5, 6), 40, 1)


def test_the_sending_starts_once_and_not_before_the_audience_is_whole() -> None:
    sending(REQUESTED, 6).when(START).then_nothing()
    REQUESTED.when(START).then_nothing()


def test_an_answer_names_the_batch_that_is_sent_next() -> None:
    story = sending(REQUESTED, 6)
    first = story.when(batch(2))
    assert (only(first, BatchSent).following, only(first, BatchSent).accepted) == (5, 10)
    second = first.when(batch(1, "failed"))
    assert only(second, BatchFailed).following == 6
    third = second.when(batch(5, "unconfirmed"))
    assert only(third, BatchUnconfirmed).following is None


def test_a_campaign_is_sent_when_every_batch_was() -> None:
    story = sending(REQUESTED, 2).when(batch(2))
    story.then_kinds(BatchSent)
    sent = story.when(batch(1))
    sent.then_kinds(BatchSent, CampaignSent)
    assert only(sent, CampaignSent).recipients == 20


def test_a_partly_sent_campaign_fails_with_its_numbers() -> None:
    failed = only(sending(REQUESTED, 2).when(batch(1)).when(batch(2, "failed")), CampaignFailed)
    assert (failed.recipients, failed.unconfirmed, failed.code) == (10, False, "refused")
    assert failed.reason == "1 of 2 batches were sent, 1 refused, 0 without an answer"


def test_a_campaign_whose_batches_were_not_refused_but_have_no_answer_is_unconfirmed() -> None:
    failed = only(sending(REQUESTED, 1).when(batch(1, "unconfirmed")), CampaignFailed)
    assert (failed.unconfirmed, failed.code) == (True, "unconfirmed")


def test_numbers_that_are_none_count_as_zero() -> None:
    sent = only(sending(REQUESTED, 2).when(batch(1, output={"accepted": "all"})), BatchSent)
    assert (sent.accepted, sent.suppressed) == (0, 0)


def test_a_refusal_without_a_code_of_the_crm_has_ours() -> None:
    failed = only(sending(REQUESTED, 1).when(batch(1, "failed", code=None)), BatchFailed)
    assert (failed.code, failed.reason) == ("unavailable", "no")


def test_an_answer_that_is_repeated_put_off_or_of_no_batch_in_flight_changes_nothing() -> None:
    story = sending(REQUESTED, 6)
    story.when(deferred(batch(1))).then_nothing()
    story.when(batch(5)).then_nothing()
    story.when(batch(7)).then_nothing()
    story.when(batch(1)).when(batch(1, "failed")).then_nothing()


def test_an_answer_to_an_earlier_runs_call_changes_nothing() -> None:
    again = sending(REQUESTED, 1).when(batch(1, "failed")).when(of_job(run=1))
    again.when(batch(1, "failed", run=0)).then_nothing()
    again.when(batch(1, run=1)).then_kinds(BatchSent, CampaignSent)


@settings(max_examples=50, deadline=None)
@given(pages=st.integers(1, 9), data=st.data())
def test_every_batch_is_sent_once_however_answers_and_runs_follow(pages: int, data: st.DataObject) -> None:
    story, run, sent = sending(REQUESTED, pages), 0, set[int]()
    in_flight = set(only(story, SendingStarted).first)
    while in_flight:
        assert len(in_flight) <= AT_ONCE
        number = data.draw(st.sampled_from(sorted(in_flight)))
        word = data.draw(st.sampled_from(["sent", "failed", "unconfirmed"] if run < 3 else ["sent"]))
        story = story.when(batch(number, word, run=run))
        in_flight.remove(number)
        (answer,) = (e for e in story.produced if isinstance(e, BatchSent | BatchFailed | BatchUnconfirmed))
        in_flight |= set() if answer.following is None else {answer.following}
        if word == "sent":
            assert number not in sent
            sent.add(number)
        ends = [event for event in story.produced if isinstance(event, CampaignSent | CampaignFailed)]
        assert bool(ends) is (not in_flight)
        if ends and isinstance(ends[0], CampaignFailed):
            run += 1
            story = story.when(of_job(run=run, repeat_unconfirmed=True))
            in_flight = set(only(story, SendingStarted).first)
    assert sent == set(range(1, pages + 1))


def test_a_resolved_audience_waits_for_the_word_to_start() -> None:
    resolved(REQUESTED, 2).when(batch(1)).then_nothing()
