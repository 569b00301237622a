"""The sentence of every event that bears on a job's channels, by the examples of `recorded.jsonl`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from domain.content_generator.explanation import describe_campaign, describe_job, describe_page, describe_post
from domain.content_generator.kinds import Channel
from tests.domain.test_recorded import RECORDED, loaded

DESCRIBED: dict[str, Callable[[Any], str | None]] = {
    "sync_job": describe_job,
    "campaign": describe_campaign,
    "publication": describe_page,
    "post": describe_post,
}
SENTENCES = {
    "sync_job.requested": "Requested for E-mail, Website, X by marketing.",
    "sync_job.scheduled": "Waits until 2026-02-03T10:30:00Z.",
    "sync_job.started": "Run 0 started for E-mail, Website, X.",
    "sync_job.document_read": "Version 3 of the document is composed.",
    "sync_job.content_generated": "Content was composed and pinned: every retry sends the same.",
    "sync_job.channel_delivered": "E-mail: delivered.",
    "sync_job.channel_failed": "X: failed (credentials): the token has expired.",
    "sync_job.channel_unconfirmed": "X: may have been delivered (unanswered): the network gave no answer.",
    "sync_job.channel_confirmed": "X: turned out to be delivered.",
    "sync_job.completed": "The run is restated as completed.",
    "sync_job.partially_completed": "The run ended as partial.",
    "sync_job.failed": "The run ended as failed.",
    "sync_job.retried": "Retried for X by marketing.",
    "sync_job.cancelled": "Cancelled by marketing before its time.",
    "campaign.requested": "The e-mail was requested.",
    "campaign.requested_again": "Run 0 asks for the e-mail again.",
    "campaign.scheduled": "The e-mail waits until 2026-02-03T10:30:00Z.",
    "campaign.audience_counted": None,
    "campaign.audience_page_requested": None,
    "campaign.recipient_addressed": None,
    "campaign.audience_resolved": "4 recipients are on record, in 3 batches.",
    "campaign.audience_failed": "The audience could not be read (http_500): given up after 8 attempts.",
    "campaign.sending_started": "Sending of 3 batches started.",
    "campaign.batch_sent": "Batch 1 was accepted for 2 recipients.",
    "campaign.batch_failed": "Batch 2 was refused (bad_request): the CRM refused the batch.",
    "campaign.batch_unconfirmed": "Batch 3 has no answer: no answer within 30 s.",
    "campaign.sent": "Every batch was answered: 4 recipients were accepted.",
    "campaign.failed": "The campaign failed (refused): 1 of 3 batches were sent, 1 refused, 1 without an answer.",
    "campaign.cancelled": "The e-mail was cancelled by marketing.",
    "campaign.reports_requested": None,
    "campaign.reports_read": None,
    "publication.drafted": "The page was drafted.",
    "publication.scheduled": "The page waits until 2026-02-03T10:30:00Z.",
    "publication.requested": "Attempt 1 to publish the page.",
    "publication.published": "The platform took the page: /news/february.",
    "publication.failed": "The platform did not take the page (http_422): the platform refused the page.",
    "publication.unconfirmed": "The platform gave no answer: no answer.",
    "publication.metrics_requested": None,
    "publication.metrics_observed": None,
    "post.requested": "Call 1 to the network.",
    "post.retried": "Call 2: the exchange before was over, and no look had found the post.",
    "post.unanswered": "Call 1 had no usable answer: HTTP 500. The post is looked for.",
    "post.look_requested": "Look 1 among the account's own posts since 2026-02-03T09:30:00Z.",
    "post.not_seen": "Look 1 did not find the post: the network's list does not have it.",
    "post.published": "The network took the post.",
    "post.failed": "The network did not take the post (credentials): the token has expired.",
    "post.unconfirmed": "No look has shown what became of the post: only a person's word opens it again.",
    "post.resolved": "marketing looked: the post is there.",
}
VARIANTS: list[tuple[str, dict[str, object], str]] = [
    (
        "sync_job.started",
        {"pinned": True, "run": 1, "channels": (Channel.LINKEDIN, Channel.FACEBOOK)},
        "Run 1 started with the content of an earlier run, for LinkedIn, Facebook.",
    ),
    ("sync_job.completed", {"restated": False}, "The run ended as completed."),
    ("campaign.sending_started", {"first": (1, 2), "following": (3, 4)}, "Sending of 4 batches started."),
    ("campaign.batch_sent", {"suppressed": 3}, "Batch 1 was accepted for 2 recipients, 3 left out."),
    ("post.unanswered", {"answered": True}, "Call 1 had an error: HTTP 500. The post is looked for."),
    ("post.not_seen", {"certain": False}, "Look 1 did not find the post: the network showed no list."),
    ("post.published", {"look": 2}, "Look 2 found the post."),
    ("post.resolved", {"delivered": False}, "marketing looked: the post is not there."),
]


def recorded() -> dict[str, Any]:
    """The example of every event that is described, by the name without context and version."""
    parts = ((line.name.split("."), line) for line in RECORDED)
    return {
        f"{aggregate}.{what}": loaded(line)
        for (context, aggregate, *rest), line in parts
        for what in rest[:1]
        if context == "content_generator" and aggregate in DESCRIBED
    }


def test_every_event_has_its_sentence_or_none() -> None:
    said = {name: DESCRIBED[name.split(".")[0]](event) for name, event in recorded().items()}
    assert said == SENTENCES


@pytest.mark.parametrize(("name", "given", "sentence"), VARIANTS)
def test_a_sentence_says_what_differs(name: str, given: dict[str, object], sentence: str) -> None:
    event = cast(Any, recorded()[name]).model_copy(update=given)
    assert DESCRIBED[name.split(".", maxsplit=1)[0]](event) == sentence
