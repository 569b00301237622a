"""Pages: request, publication of drafts, the platform's answers and figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TypedDict

from pydantic import ValidationError

from commands.content_generator.answers import instant, output_of, text, whole
from domain.content_generator.publication import (
    Metrics,
    MetricsObserved,
    MetricsRequested,
    Page,
    PageCategory,
    Publication,
    PublicationDrafted,
    PublicationEvent,
    PublicationFailed,
    PublicationPhase,
    PublicationPublished,
    PublicationRequested,
    PublicationScheduled,
    PublicationUnconfirmed,
)
from domain.messages import Attempt, Command, Instant, Refused, Reply, Result

UNMOVED = timedelta(hours=1)
"""Figures that did not change are recorded once in this time, so that their time of observation moves."""


class UnknownContent(Refused, name="content_generator.unknown_content"):
    """No page has this id. 404 not_found."""


class NotADraft(Refused, name="content_generator.not_a_draft"):
    """The page is published, or on its way. 400 validation_error."""


class WantedStatus(StrEnum):
    """The status that a page is to have, in the document's words."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"


class RequestPublication(Command, name="content_generator.publication.request.v1", key="content_id"):
    """Request a page with its own content, or the page of a job's run. A later run tries a failed page again.

    `due_at` counts with the status `scheduled` only; a time that has passed is now.
    """

    content_id: str
    tenant: str
    root: str | None = None
    run: int = 0
    status: WantedStatus = WantedStatus.PUBLISHED
    page: Page | None = None
    due_at: Instant | None = None
    test_mode: bool = False


class PublishDraft(Command, name="content_generator.publication.publish_draft.v1", key="content_id"):
    """Publish a draft, a scheduled page before its time, or a page that was not, or perhaps not, published."""

    content_id: str
    tenant: str


class PublishScheduled(Command, name="content_generator.publication.publish_scheduled.v1", key="content_id"):
    """Publish a page whose time has come."""

    content_id: str


class RecordPublication(Reply, name="content_generator.publication.record.v1", key="content_id"):
    content_id: str
    number: int


class RequestMetrics(Command, name="content_generator.publication.request_metrics.v1", key="content_id"):
    """Read the platform's figures, unless they were looked at within `max_age` seconds."""

    content_id: str
    look: int | None = None
    max_age: float = 0


class RecordMetrics(Reply, name="content_generator.publication.record_metrics.v1", key="content_id"):
    content_id: str


def request(command: RequestPublication, publication: Publication) -> Sequence[PublicationEvent]:
    match publication.phase:
        case PublicationPhase.ABSENT:
            return [_first(command, publication)]
        case PublicationPhase.FAILED | PublicationPhase.UNCONFIRMED if command.run > publication.run:
            return [_requested(command, publication, command.root, command.run, command.test_mode, command.page)]
        case PublicationPhase.PUBLISHED if command.run > publication.run and publication.published is not None:
            return [publication.published.model_copy(update={"at": command.at, "run": command.run, "again": True})]
        case _:
            return []


def _first(command: RequestPublication, publication: Publication) -> PublicationEvent:
    at, id_, tenant, page, due_at = command.at, command.content_id, command.tenant, command.page, command.due_at
    if page is not None and command.status is WantedStatus.DRAFT:
        return PublicationDrafted(at=at, content_id=id_, tenant=tenant, page=page)
    if page is not None and command.status is WantedStatus.SCHEDULED and due_at is not None and due_at > at:
        return PublicationScheduled(at=at, content_id=id_, tenant=tenant, page=page, due_at=due_at)
    own = publication.model_copy(update={"tenant": command.tenant})
    return _requested(command, own, command.root, command.run, command.test_mode, command.page)


def _requested(
    command: Command, publication: Publication, root: str | None, run: int, test_mode: bool, page: Page | None = None
) -> PublicationRequested:
    return PublicationRequested(
        at=command.at,
        content_id=command.key,
        tenant=publication.tenant,
        root=root,
        run=run,
        attempt=publication.attempts + 1,
        page=page,
        test_mode=test_mode,
    )


_UNPUBLISHED = frozenset(
    {
        PublicationPhase.DRAFT,
        PublicationPhase.SCHEDULED,
        PublicationPhase.FAILED,
        PublicationPhase.UNCONFIRMED,
    }
)
"""What a person may bring out. An unconfirmed page is sent again under its own key, by which the platform knows it."""


def publish_draft(command: PublishDraft, publication: Publication) -> Sequence[PublicationEvent]:
    if publication.phase is PublicationPhase.ABSENT or command.tenant != publication.tenant:
        raise UnknownContent("there is no such content")
    if publication.phase not in _UNPUBLISHED or publication.root is not None:
        raise NotADraft(f"only a draft can be published; this content is {publication.phase}")
    return [_requested(command, publication, None, publication.run, publication.test_mode)]


def publish_scheduled(command: PublishScheduled, publication: Publication) -> Sequence[PublicationEvent]:
    if publication.phase is not PublicationPhase.SCHEDULED:
        return []
    return [_requested(command, publication, None, publication.run, publication.test_mode)]


class _About(TypedDict):
    at: Instant
    content_id: str
    tenant: str
    root: str | None
    run: int


def record(command: RecordPublication, publication: Publication) -> Sequence[PublicationEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is Result.DEFERRED or command.number != publication.attempts:
        return []
    if publication.phase is not PublicationPhase.PUBLISHING:
        return []
    about: _About = {
        "at": command.at,
        "content_id": command.content_id,
        "tenant": publication.tenant,
        "root": publication.root,
        "run": publication.run,
    }
    match attempt.result:
        case Result.ACCEPTED:
            return [_published(command, attempt, about, publication.category)]
        case Result.UNCONFIRMED:
            return [PublicationUnconfirmed(**about, reason=attempt.reason, attempts=attempt.number)]
        case _:
            code = attempt.code or "unavailable"
            return [PublicationFailed(**about, code=code, reason=attempt.reason, attempts=attempt.number)]


def _published(
    command: RecordPublication, attempt: Attempt, about: _About, category: PageCategory
) -> PublicationPublished:
    output = output_of(attempt)
    return PublicationPublished(
        **about,
        provider_id=attempt.provider_id or command.content_id,
        url=text(output, "url") or f"/{category}/{command.content_id}",
        page_version=whole(output, "version") or 1,
        published_at=instant(output, "published_at") or command.at,
    )


def request_metrics(command: RequestMetrics, publication: Publication) -> Sequence[PublicationEvent]:
    published, looked_at = publication.published, publication.looked_at
    if published is None:
        return []
    if looked_at is not None and (command.at - looked_at).total_seconds() < command.max_age:
        return []
    return [
        MetricsRequested(
            at=command.at,
            content_id=command.content_id,
            tenant=publication.tenant,
            provider_id=published.provider_id,
            look=command.look,
        )
    ]


def record_metrics(command: RecordMetrics, publication: Publication) -> Sequence[PublicationEvent]:
    attempt = command.attempt
    if attempt is None or attempt.result is not Result.ACCEPTED:
        return []
    try:
        metrics = Metrics.model_validate(attempt.output)
    except ValidationError:
        return []
    seen_at = publication.observed_at
    if metrics == publication.metrics and seen_at is not None and command.at - seen_at < UNMOVED:
        return []
    return [MetricsObserved(at=command.at, content_id=command.content_id, tenant=publication.tenant, metrics=metrics)]
