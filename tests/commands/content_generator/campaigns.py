"""Stories of campaigns: a newsletter, a job's e-mail, pages of an audience and answers for batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commands.content_generator.batch import RecordBatch, StartSending
from commands.content_generator.campaign import (
    CancelCampaign,
    RecordAudienceCount,
    RecordAudiencePage,
    RequestCampaign,
    RetryCampaign,
    transport_of,
)
from domain.content_generator.campaign import AudiencePageRequested
from streams.testing import Scenario
from tests.commands.content_generator.stories import (
    CAMPAIGN_ID,
    NOW,
    ROOT,
    STORY,
    TENANT,
    accepted,
    rejected,
    unconfirmed,
)

ANSWERS: dict[str, Callable[..., RecordBatch]] = {"sent": accepted, "failed": rejected, "unconfirmed": unconfirmed}


def newsletter(**more: Any) -> RequestCampaign:
    fields: dict[str, Any] = {"subject_line": "News", "html": "<p>News</p>", "text": "News", "segment": "all"}
    return RequestCampaign(at=NOW, campaign_id=CAMPAIGN_ID, tenant=TENANT, **fields | more)


def of_job(run: int = 0, **more: Any) -> RequestCampaign:
    """The e-mail of a job's run."""
    return RequestCampaign(at=NOW, campaign_id=CAMPAIGN_ID, tenant=TENANT, root=ROOT, run=run, **more)


def retried(**more: Any) -> RetryCampaign:
    fields: dict[str, Any] = {"at": NOW, "campaign_id": CAMPAIGN_ID, "tenant": TENANT}
    return RetryCampaign(**fields | more)


def cancelled(**more: Any) -> CancelCampaign:
    fields: dict[str, Any] = {"at": NOW, "campaign_id": CAMPAIGN_ID, "tenant": TENANT, "cancelled_by": "marketer"}
    return CancelCampaign(**fields | more)


COUNT = RecordAudienceCount(at=NOW, campaign_id=CAMPAIGN_ID)


def page_reply(page: int = 1, round_: int = 1) -> RecordAudiencePage:
    return RecordAudiencePage(
        at=NOW, campaign_id=CAMPAIGN_ID, transport=transport_of(CAMPAIGN_ID, round_), round=round_, page=page
    )


def person(name: str) -> dict[str, Any]:
    return {"mark": f"mark-of-{name}", "address": f"{name}@example.com", "name": name}


def audience(*names: str, following: str | None = None) -> dict[str, Any]:
    """A page of the audience."""
    return {"recipients": [person(name) for name in names], "next": following}


def resolved(story: Scenario, pages: int, round_: int = 1) -> Scenario:
    """The story with an audience of so many pages, a person each."""
    for page in range(1, pages + 1):
        following = f"after-{page}" if page < pages else None
        story = story.when(accepted(page_reply(page, round_), audience(f"p{page}", following=following)))
    return story


def sending(story: Scenario, pages: int) -> Scenario:
    """The story whose batches are being sent."""
    return resolved(story, pages).when(StartSending(at=NOW, campaign_id=CAMPAIGN_ID, position=40))


def batch(number: int, word: str = "sent", run: int = 0, **more: Any) -> RecordBatch:
    """The answer for a batch: sent to ten of eleven, failed or unconfirmed."""
    reply = RecordBatch(at=NOW, campaign_id=CAMPAIGN_ID, batch=number, run=run)
    output = {"output": {"accepted": 10, "suppressed": 1}} if word == "sent" else {}
    return ANSWERS[word](reply, **output | more)


def pages_asked(scenario: Scenario) -> list[tuple[int, int, str | None]]:
    """The pages that the last command asked for: round, page and cursor."""
    return [(e.round, e.page, e.cursor) for e in scenario.produced if isinstance(e, AudiencePageRequested)]


REQUESTED = STORY.when(of_job())
