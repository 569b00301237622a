"""Pages: drafts, times, the platform's answers and its figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from commands.content_generator.publication import (
    NotADraft,
    PublishDraft,
    PublishScheduled,
    RecordMetrics,
    RecordPublication,
    RequestMetrics,
    RequestPublication,
    UnknownContent,
    WantedStatus,
)
from domain.content_generator.publication import (
    MetricsObserved,
    MetricsRequested,
    Page,
    PageCategory,
    PageMetadata,
    PublicationDrafted,
    PublicationFailed,
    PublicationPublished,
    PublicationRequested,
    PublicationScheduled,
    PublicationUnconfirmed,
)
from tests.commands.content_generator.stories import (
    CONTENT_ID,
    HOUR,
    NOW,
    ROOT,
    SECOND,
    STORY,
    TENANT,
    accepted,
    deferred,
    only,
    rejected,
    unconfirmed,
)

PAGE = Page(
    title="News", content="<p>x</p>", category=PageCategory.BLOG, tags=(), author=None, seo_metadata=PageMetadata()
)


def request(status: WantedStatus = WantedStatus.PUBLISHED, **more: Any) -> RequestPublication:
    fields: dict[str, Any] = {"at": NOW, "content_id": CONTENT_ID, "tenant": TENANT, "page": PAGE, "status": status}
    return RequestPublication(**fields | more)


def of_job(run: int = 0) -> RequestPublication:
    return RequestPublication(at=NOW, content_id=CONTENT_ID, tenant=TENANT, root=ROOT, run=run)


def reply(number: int = 1) -> RecordPublication:
    return RecordPublication(at=NOW, content_id=CONTENT_ID, number=number)


def publish(tenant: str = TENANT) -> PublishDraft:
    return PublishDraft(at=NOW, content_id=CONTENT_ID, tenant=tenant)


TAKEN = {"url": "https://example.com/x", "version": 3, "published_at": "2025-01-27T09:59:00Z"}
PUBLISHING = STORY.when(of_job())
PUBLISHED = PUBLISHING.when(accepted(reply(), TAKEN, provider_id="p9"))
DUE = request(WantedStatus.SCHEDULED, due_at=NOW + HOUR)
TIME = PublishScheduled(at=NOW + HOUR, content_id=CONTENT_ID)


def test_the_page_of_a_job_goes_out_at_once_and_holds_no_content() -> None:
    asked = only(PUBLISHING, PublicationRequested)
    assert (asked.root, asked.run, asked.attempt, asked.page) == (ROOT, 0, 1, None)


def test_the_platforms_answer_is_the_pages_place() -> None:
    published = only(PUBLISHED, PublicationPublished)
    assert (published.url, published.page_version, published.provider_id, published.again) == (
        "https://example.com/x",
        3,
        "p9",
        False,
    )
    assert published.published_at == NOW - 60 * SECOND


@pytest.mark.parametrize("output", [None, {}, {"url": 7, "version": "new", "published_at": "2025-01-27"}])
def test_what_the_platform_does_not_tell_is_ours(output: dict[str, Any] | None) -> None:
    published = only(STORY.when(request()).when(accepted(reply(), output)), PublicationPublished)
    assert (published.url, published.page_version, published.provider_id) == (f"/blog/{CONTENT_ID}", 1, CONTENT_ID)
    assert published.published_at == NOW


def test_a_jobs_page_without_an_address_is_among_the_updates() -> None:
    assert only(PUBLISHING.when(accepted(reply())), PublicationPublished).url == f"/updates/{CONTENT_ID}"


def test_a_draft_waits_for_a_person() -> None:
    draft = STORY.when(request(WantedStatus.DRAFT))
    draft.then_kinds(PublicationDrafted)
    out = draft.when(publish())
    out.then_kinds(PublicationRequested)
    assert only(out, PublicationRequested).page is None
    assert only(out.when(accepted(reply())), PublicationPublished).url == f"/blog/{CONTENT_ID}"
    out.when(publish()).then_refused(NotADraft)


def test_a_scheduled_page_goes_out_when_it_is_due() -> None:
    scheduled = STORY.when(DUE)
    scheduled.then_kinds(PublicationScheduled)
    scheduled.when(TIME).then_kinds(PublicationRequested)
    scheduled.when(TIME).when(TIME).then_nothing()


def test_a_scheduled_page_goes_out_once_where_a_person_is_earlier() -> None:
    STORY.when(DUE).when(publish()).then_kinds(PublicationRequested)
    STORY.when(DUE).when(publish()).when(TIME).then_nothing()


def test_a_past_time_is_now_and_a_published_page_has_none() -> None:
    STORY.when(request(WantedStatus.SCHEDULED, due_at=NOW - HOUR)).then_kinds(PublicationRequested)
    STORY.when(request(due_at=NOW + HOUR)).then_kinds(PublicationRequested)


def test_a_page_is_requested_once() -> None:
    PUBLISHING.when(of_job()).then_nothing()
    PUBLISHED.when(of_job()).then_nothing()
    STORY.when(request(WantedStatus.DRAFT)).when(request()).then_nothing()


def test_a_refused_page_fails_and_an_unanswered_one_is_unconfirmed() -> None:
    failed = only(PUBLISHING.when(rejected(reply(), "bad_page", number=4)), PublicationFailed)
    assert (failed.code, failed.attempts) == ("bad_page", 4)
    assert only(PUBLISHING.when(rejected(reply(), None)), PublicationFailed).code == "unavailable"
    PUBLISHING.when(unconfirmed(reply())).then_kinds(PublicationUnconfirmed)


def test_an_answer_that_is_repeated_put_off_or_of_another_try_changes_nothing() -> None:
    PUBLISHING.when(deferred(reply())).then_nothing()
    PUBLISHED.when(rejected(reply())).then_nothing()
    PUBLISHING.when(accepted(reply(2))).then_nothing()
    failed = PUBLISHING.when(rejected(reply())).when(of_job(run=1))
    failed.when(accepted(reply())).then_nothing()
    failed.when(accepted(reply(2))).then_kinds(PublicationPublished)


def test_another_run_tries_a_failed_page_again() -> None:
    for lost in (rejected(reply()), unconfirmed(reply())):
        again = PUBLISHING.when(lost).when(of_job(run=1))
        assert (only(again, PublicationRequested).attempt, only(again, PublicationRequested).run) == (2, 1)
        PUBLISHING.when(lost).when(of_job()).then_nothing()


def test_another_run_of_a_published_page_hears_that_it_is() -> None:
    told = only(PUBLISHED.when(of_job(run=1)), PublicationPublished)
    assert (told.run, told.again, told.provider_id) == (1, True, "p9")


def test_a_person_publishes_what_failed_or_was_not_confirmed() -> None:
    for lost in (rejected(reply()), unconfirmed(reply())):
        STORY.when(request()).when(lost).when(publish()).then_kinds(PublicationRequested)


def test_an_unknown_page_and_another_tenants_are_one_and_a_jobs_is_its_jobs() -> None:
    STORY.when(publish()).then_refused(UnknownContent)
    STORY.when(request(WantedStatus.DRAFT)).when(publish("other")).then_refused(UnknownContent)
    PUBLISHING.when(rejected(reply())).when(publish()).then_refused(NotADraft)


def look(at_second: float = 0, max_age: float = 10, number: int | None = None) -> RequestMetrics:
    return RequestMetrics(at=NOW + at_second * SECOND, content_id=CONTENT_ID, max_age=max_age, look=number)


def observed(at: timedelta = timedelta(0), **figures: Any) -> RecordMetrics:
    return accepted(RecordMetrics(at=NOW, content_id=CONTENT_ID), figures, at=NOW + at)


def test_figures_are_read_of_a_published_page_alone() -> None:
    PUBLISHING.when(look()).then_nothing()
    assert only(PUBLISHED.when(look(number=4)), MetricsRequested).look == 4


def test_figures_that_were_just_read_are_not_read_again_by_request() -> None:
    asked = PUBLISHED.when(look())
    asked.when(look(9)).then_nothing()
    asked.when(look(10)).then_kinds(MetricsRequested)
    asked.when(look(1, max_age=0, number=1)).then_kinds(MetricsRequested)


def test_figures_are_recorded_when_they_change_and_else_once_an_hour() -> None:
    seen = PUBLISHED.when(observed(views=3))
    assert only(seen, MetricsObserved).metrics.views == 3
    seen.when(observed(HOUR - SECOND, views=3)).then_nothing()
    seen.when(observed(SECOND, views=4)).then_kinds(MetricsObserved)
    seen.when(observed(HOUR, views=3)).then_kinds(MetricsObserved)


def test_figures_that_cannot_be_read_are_left_out() -> None:
    PUBLISHED.when(observed(views="many")).then_nothing()
    PUBLISHED.when(rejected(RecordMetrics(at=NOW, content_id=CONTENT_ID))).then_nothing()
