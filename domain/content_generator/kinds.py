"""The words of this context that several aggregates share, and the ids that derive from others."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.calls.social_post import Network


class Channel(StrEnum):
    """The ways out for content."""

    EMAIL = "email"
    WEBSITE = "website"
    TWITTER = "twitter"
    LINKEDIN = "linkedin"
    FACEBOOK = "facebook"

    @property
    def network(self) -> Network | None:
        """The social network; None for e-mail and the website."""
        return Network(self) if self in _NETWORKS else None


_NETWORKS = frozenset({Channel.TWITTER, Channel.LINKEDIN, Channel.FACEBOOK})


class TemplateName(StrEnum):
    """The looks of e-mails and pages."""

    MODERN = "modern"
    MINIMAL = "minimal"
    PLAIN = "plain"


class JobStatus(StrEnum):
    """The status of a run, in the document's words."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether the run has ended. Only a run that is over and not completed can be retried."""
        return self in (JobStatus.COMPLETED, JobStatus.PARTIAL, JobStatus.FAILED)


class JobKind(StrEnum):
    """The origin of a job: a document, or the summary of a live session."""

    SYNC = "sync"
    SUMMARY = "summary"


class Options(BaseModel):
    """The options of a job. They are pinned with its content, so that every retry sends the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email_template: TemplateName = TemplateName.MODERN
    seo_optimize: bool = True
    test_mode: bool = False


class Run(NamedTuple):
    """One run of a job: 0 is the first, n the nth retry."""

    root: str
    number: int


_JOB = re.compile(r"sync-job-(?:retry-(?P<number>[1-9][0-9]{0,5})-)?(?P<root>[0-9a-f]{32})")


def job_id(root: str, run: int) -> str:
    """The public id of a run. It holds the root, which is the partition key of the job and all its retries."""
    return f"sync-job-{root}" if run == 0 else f"sync-job-retry-{run}-{root}"


def run_of(id_: str) -> Run | None:
    """The run behind a public id; None if it is no id of a job."""
    found = _JOB.fullmatch(id_)
    return None if found is None else Run(found["root"], int(found["number"] or 0))


def campaign_id(root: str) -> str:
    """The id of a job's campaign or of a newsletter. A retry resumes the same campaign."""
    return f"email-job-{root}"


def content_id(root: str) -> str:
    """The id of a job's page."""
    return f"content-{root}"


def post_id(root: str, network: Network) -> str:
    """The id of a job's post to one network."""
    return f"post-{network}-{root}"
