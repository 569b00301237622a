"""Fetches of a document: one at a time, and its answer for all who wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from commands.content_generator.document import RecordFetch, RequestFetch
from domain.calls.document import Block, BlockKind, Document, Source, Span
from domain.content_generator.document import (
    JOB,
    LARGEST_STORED,
    DocumentFetched,
    DocumentFetchFailed,
    DocumentFetchRequested,
    DocumentUnchanged,
    Waiter,
)
from domain.messages import Result
from streams.core.envelope import LARGEST_BYTES
from streams.testing import Scenario
from tests.commands.content_generator.stories import (
    NOW,
    SECOND,
    STORY,
    TENANT,
    accepted,
    answered,
    deferred,
    only,
    rejected,
    unconfirmed,
)

ANN, BEN, CAT = (Waiter(kind=JOB, key=name) for name in ("ann", "ben", "cat"))


def fetch(waiter: Waiter | None = ANN, max_age: float = 0, at: datetime = NOW) -> RequestFetch:
    return RequestFetch(
        at=at,
        document="d",
        tenant=TENANT,
        source=Source.NOTION,
        document_id="n1",
        max_age=max_age,
        waiter=waiter,
    )


def reply(number: int = 1) -> RecordFetch:
    return RecordFetch(at=NOW, document="d", fetch=number)


def text(words: str) -> dict[str, Any]:
    block = Block(kind=BlockKind.PARAGRAPH, spans=(Span(text=words),))
    return Document(title="News", blocks=(block,)).model_dump(mode="json")


def asked(scenario: Scenario) -> DocumentFetchRequested:
    return only(scenario, DocumentFetchRequested)


FETCHED = STORY.when(fetch()).when(accepted(reply(), text("one"), provider_id="v1"))


def test_the_first_request_begins_a_fetch() -> None:
    first = asked(STORY.when(fetch()))
    assert (first.fetch, first.begins, first.waiter) == (1, True, ANN)


def test_an_answer_serves_who_waits_and_is_the_first_version() -> None:
    fetched = only(FETCHED, DocumentFetched)
    assert (fetched.version, fetched.source_version, fetched.waiters) == (1, "v1", (ANN,))


def test_who_takes_a_known_age_joins_the_fetch_in_flight() -> None:
    joined = STORY.when(fetch()).when(fetch(BEN, max_age=60))
    assert (asked(joined).fetch, asked(joined).begins) == (1, False)
    assert only(joined.when(accepted(reply(), text("one"))), DocumentFetched).waiters == (ANN, BEN)


def test_who_takes_no_age_waits_for_the_fetch_after_the_one_in_flight() -> None:
    queued = STORY.when(fetch()).when(fetch(BEN)).when(fetch(CAT))
    first = queued.when(accepted(reply(), text("one")))
    first.then_kinds(DocumentFetched, DocumentFetchRequested)
    assert only(first, DocumentFetched).waiters == (ANN,)
    assert (asked(first).fetch, asked(first).begins) == (2, True)
    second = first.when(accepted(reply(2), text("two")))
    assert only(second, DocumentFetched).waiters == (BEN, CAT)
    second.then_kinds(DocumentFetched)


def test_the_next_fetch_is_made_where_the_one_before_it_failed() -> None:
    failed = STORY.when(fetch()).when(fetch(BEN)).when(unconfirmed(reply()))
    failed.then_kinds(DocumentFetchFailed, DocumentFetchRequested)
    assert only(failed.when(accepted(reply(2), text("two"))), DocumentFetched).waiters == (BEN,)


def test_what_is_fresh_enough_is_not_fetched_again() -> None:
    fresh = only(FETCHED.when(fetch(BEN, max_age=60, at=NOW + 60 * SECOND)), DocumentUnchanged)
    assert (fresh.version, fresh.asked, fresh.waiters) == (1, False, (BEN,))


def test_what_is_older_is_fetched_again() -> None:
    FETCHED.when(fetch(BEN, max_age=60, at=NOW + 61 * SECOND)).then_kinds(DocumentFetchRequested)


def test_a_job_looks_anew_whatever_was_seen_at_that_moment() -> None:
    FETCHED.when(fetch(BEN, max_age=0)).then_kinds(DocumentFetchRequested)


def test_equal_content_is_no_new_version_and_is_as_fresh_as_its_look() -> None:
    again = FETCHED.when(fetch(BEN, at=NOW + 90 * SECOND)).when(accepted(reply(2), text("one"), at=NOW + 100 * SECOND))
    assert (only(again, DocumentUnchanged).version, only(again, DocumentUnchanged).asked) == (1, True)
    again.when(fetch(CAT, max_age=60, at=NOW + 150 * SECOND)).then_kinds(DocumentUnchanged)


def test_other_content_is_the_next_version() -> None:
    changed = FETCHED.when(fetch(BEN)).when(accepted(reply(2), text("two")))
    assert only(changed, DocumentFetched).version == 2


def test_a_refusal_keeps_its_code_and_is_not_kept_for_others() -> None:
    failed = STORY.when(fetch()).when(rejected(reply(), "forbidden"))
    assert (only(failed, DocumentFetchFailed).code, only(failed, DocumentFetchFailed).waiters) == ("forbidden", (ANN,))
    failed.when(fetch(BEN, max_age=60)).then_kinds(DocumentFetchRequested)


def test_silence_and_an_answer_that_is_no_document_are_unavailable() -> None:
    for answer in (unconfirmed(reply()), accepted(reply(), {"title": 7}), accepted(reply(), None)):
        assert only(STORY.when(fetch()).when(answer), DocumentFetchFailed).code == "unavailable"


def test_an_answer_that_is_put_off_or_of_another_fetch_changes_nothing() -> None:
    STORY.when(fetch()).when(deferred(reply())).then_nothing()
    STORY.when(fetch()).when(accepted(reply(2), text("two"))).then_nothing()
    FETCHED.when(accepted(reply(), text("two"))).then_nothing()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["now", "soon", "answer", "fail", "late"]), max_size=20))
def test_everybody_who_waits_is_answered_once_and_one_fetch_is_in_flight(acts: list[str]) -> None:
    story, waiting, served = STORY, 0, list[Waiter]()
    in_flight = 0
    for number, act in enumerate(acts + ["answer"] * len(acts)):
        at = NOW + number * 40 * SECOND
        if act in ("now", "soon"):
            waiting += 1
            waiter = Waiter(kind=JOB, key=str(waiting))
            story = story.when(fetch(waiter, max_age=60 if act == "soon" else 0, at=at))
        else:
            result = Result.ACCEPTED if act == "answer" else Result.REJECTED
            last = reply(max(0, in_flight - (act == "late")))
            story = story.when(answered(last, result, at=at, output=text(str(number % 3))))
        for event in story.produced:
            if isinstance(event, DocumentFetchRequested):
                in_flight = event.fetch if event.begins else in_flight
            elif isinstance(event, DocumentFetched | DocumentUnchanged | DocumentFetchFailed):
                served += event.waiters
    assert sorted(int(one.key) for one in served) == list(range(1, waiting + 1))


def of_spans(number: int, words: str) -> Document:
    spans = tuple(Span(text=words, bold=bool(one % 2)) for one in range(number))
    return Document(title="News", blocks=(Block(kind=BlockKind.PARAGRAPH, spans=spans),))


def test_a_document_of_many_short_spans_fits_into_a_record() -> None:
    content = of_spans(25_000, "a")
    assert len(content.model_dump_json()) > LARGEST_BYTES
    fetched = only(STORY.when(fetch()).when(accepted(reply(), content.model_dump(mode="json"))), DocumentFetched)
    encoded = fetched.model_dump_json().encode()
    assert len(encoded) < LARGEST_BYTES
    assert DocumentFetched.model_validate_json(encoded) == fetched


def test_a_document_that_no_record_holds_fails_for_all_who_wait() -> None:
    content = of_spans(1, "a" * LARGEST_STORED)
    failed = only(STORY.when(fetch()).when(accepted(reply(), content.model_dump(mode="json"))), DocumentFetchFailed)
    assert (failed.code, failed.waiters) == ("too_large", (ANN,))
