"""The bodies of webhooks, whole: they are all that an endpoint learns of a job, a campaign or a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from commands.content_generator.notifications import campaign_webhook, job_webhook, page_webhook
from commands.webhooks import QueueWebhook
from domain.content_generator.kinds import job_id
from tests.commands.content_generator.stories import ROOT
from tests.domain.test_recorded import RECORDED, loaded

JOB = "8f14e45fceea167a5a36dedd4bea2543"
CANCELLED = "the job was cancelled before its time"
EMAIL = {"status": "sent", "recipients": 480, "job_id": f"email-job-{JOB}"}
WEBSITE = {"status": "published", "content_id": f"content-{JOB}", "url": "/updates/february-news"}
POST = f"post-twitter-{JOB}"
ALL = ["email", "website", "twitter"]
Made = Callable[[Any, str], QueueWebhook]
BODIES: list[tuple[str, Made, str, str, dict[str, Any]]] = [
    (
        "sync_job.completed",
        job_webhook,
        "job.completed",
        "2026-02-03T11:30:00Z",
        {
            "job_id": f"sync-job-{JOB}",
            "status": "completed",
            "channels": ALL,
            "results": {
                "email": EMAIL,
                "website": WEBSITE,
                "twitter": {"status": "posted", "post_id": POST, "url": "https://x.com/i/status/1"},
            },
            "errors": [],
        },
    ),
    (
        "sync_job.partially_completed",
        job_webhook,
        "job.partial",
        "2026-02-03T10:30:09Z",
        {
            "job_id": f"sync-job-{JOB}",
            "status": "partial",
            "channels": ALL,
            "results": {"email": EMAIL, "website": WEBSITE, "twitter": {"status": "unconfirmed", "post_id": POST}},
            "errors": [
                {
                    "channel": "twitter",
                    "code": "unanswered",
                    "message": "the network gave no answer",
                    "attempts": 1,
                    "at": "2026-02-03T10:30:09Z",
                }
            ],
        },
    ),
    (
        "sync_job.failed",
        job_webhook,
        "job.failed",
        "2026-02-03T09:30:01Z",
        {
            "job_id": f"sync-job-{JOB}",
            "status": "failed",
            "channels": ALL,
            "results": {channel: {"status": "failed"} for channel in ALL},
            "errors": [
                {
                    "channel": channel,
                    "code": "cancelled",
                    "message": CANCELLED,
                    "attempts": 0,
                    "at": "2026-02-03T09:30:01Z",
                }
                for channel in ALL
            ],
        },
    ),
    (
        "campaign.sent",
        campaign_webhook,
        "email.sent",
        "2026-02-03T09:30:02Z",
        {
            "job_id": None,
            "campaign_id": f"email-job-{JOB}",
            "status": "sent",
            "recipients": 4,
            "sent_at": "2026-02-03T09:30:02Z",
        },
    ),
    (
        "publication.published",
        page_webhook,
        "content.published",
        "2026-02-03T09:30:02Z",
        {
            "content_id": "content-7c9e6679742540de944be07fc1f90ae7",
            "job_id": None,
            "status": "published",
            "url": "/news/february",
            "published_at": "2026-02-03T10:30:02Z",
        },
    ),
]


def recorded(name: str) -> Any:
    """The recorded event of this name."""
    (line,) = (line for line in RECORDED if line.name == f"content_generator.{name}.v1")
    return loaded(line)


@pytest.mark.parametrize(("name", "made", "event", "timestamp", "data"), BODIES, ids=[body[0] for body in BODIES])
def test_the_body_says_what_the_reads_show(
    name: str, made: Made, event: str, timestamp: str, data: dict[str, Any]
) -> None:
    webhook = made(recorded(name), "w1")
    body = webhook.body or ""
    assert json.loads(body) == {"event": event, "timestamp": timestamp, "data": data}
    assert (webhook.endpoint_id, webhook.webhook_id, webhook.event_type) == ("content_generator", "w1", event)
    assert (webhook.at, webhook.data_subject) == (recorded(name).at, "")
    assert " " not in body.replace(CANCELLED, "").replace("the network gave no answer", "")


@pytest.mark.parametrize(
    ("name", "made"), [("campaign.sent", campaign_webhook), ("publication.published", page_webhook)]
)
def test_what_belongs_to_a_job_names_its_run(name: str, made: Made) -> None:
    of_job = cast(Any, recorded(name)).model_copy(update={"root": ROOT, "run": 2})
    assert json.loads(made(of_job, "w1").body or "")["data"]["job_id"] == job_id(ROOT, 2)
